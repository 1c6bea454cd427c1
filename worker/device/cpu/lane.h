// The device "cpu:N": a lane is one thread's worth of processor. What is enqueued has run when the call returns, on the
// calling thread; no operation starts threads of its own. A machine with 16 cores runs 16 lanes on 16 threads, each at
// the speed of one.
//
// Convolutions by Winograd, pooling, normalisation and losses are those of kernels/nn; dense layers and all other
// convolutions are oneDNN's. Both choose their instructions at run time, by DOWNPOUR_SIMD as kernels/kernels.h says
// (oneDNN for the whole process, when the first lane is made).
//
// Computes in float32 and in bfloat16: then tensors between layers are of half the size and what oneDNN computes is
// twice as fast where the processor has the instructions; parameters, sums and statistics stay float32.
#ifndef DOWNPOUR_WORKER_DEVICE_CPU_LANE_H_
#define DOWNPOUR_WORKER_DEVICE_CPU_LANE_H_

#include <memory>
#include <string>

#include "worker/device/device.h"

namespace downpour {

// Lanes are independent of each other, whatever their names.
std::unique_ptr<Device> CreateLane(std::string name);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_CPU_LANE_H_
