// For tests: a step forward and backward of a chain of layers, by one kernel or by one for each.
#ifndef DOWNPOUR_WORKER_DEVICE_CPU_KERNEL_STEP_H_
#define DOWNPOUR_WORKER_DEVICE_CPU_KERNEL_STEP_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "worker/device/device.h"
#include "worker/device/kernel_harness.h"
#include "worker/layers/layer.h"
#include "worker/models/graph.h"

namespace downpour::testing {

// The layers of a model file's text, each of which takes the one before; views are left out.
struct TestChain {
  explicit TestChain(std::string_view model_text);

  Graph graph;
  std::vector<const Layer*> layers;
};

struct KernelStepOptions {
  DType compute = DType::kFloat32;
  int64_t batch_max = 4;
  int64_t batch = 4;
  bool fused = true;     // one kernel for all layers
  bool training = true;  // otherwise evaluation in kernels that can do nothing else
  bool input_gradient = true;
};

// On the same numbers for any device, compute type and way of running. Of input gradients it has those of the chain's
// first input. Fails the running test, and has nothing, where a kernel cannot be made or an error comes.
KernelResults RunKernelStep(Device& device, const TestChain& chain, const KernelStepOptions& options);

// The largest difference, by the largest element of `wanted`; infinite where there are not as many.
double RelativeDifference(const std::vector<double>& got, const std::vector<double>& wanted);

// Expects all of a step within `tolerance` in that measure.
void ExpectClose(const KernelResults& got, const KernelResults& wanted, double tolerance);

// Expects the same bits everywhere.
void ExpectSameBits(const KernelResults& got, const KernelResults& wanted);

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_DEVICE_CPU_KERNEL_STEP_H_
