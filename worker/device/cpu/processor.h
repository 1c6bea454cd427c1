#ifndef DOWNPOUR_WORKER_DEVICE_CPU_PROCESSOR_H_
#define DOWNPOUR_WORKER_DEVICE_CPU_PROCESSOR_H_

#include <string>

namespace downpour {

// What one core of this machine is and does at its best: the limits that figures are told beside.
struct Processor {
  std::string name;             // "AMD EPYC 9R14"; "unknown processor" where the system does not say
  double flops_float32 = 0;     // per second, by fused multiply-adds on registers
  double flops_bfloat16 = 0;    // 0 where there are no instructions for it
  double bytes_per_second = 0;  // read from memory that no cache holds
};

// Measured at the first call, in about 20 ms, and kept. On a machine that others use too it says what was left. Any
// thread.
const Processor& ThisProcessor();

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_CPU_PROCESSOR_H_
