// For tests: a step forward and backward of one kernel, or of a kernel for each layer of a chain, on made-up numbers.
#ifndef DOWNPOUR_WORKER_DEVICE_CPU_KERNEL_STEP_H_
#define DOWNPOUR_WORKER_DEVICE_CPU_KERNEL_STEP_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "worker/device/device.h"
#include "worker/layers/layer.h"
#include "worker/models/graph.h"

namespace downpour {

// The layers of a model file's text, each of which takes the one before; views are left out.
struct TestChain {
  explicit TestChain(std::string_view model_text);

  Graph graph;
  std::vector<const Layer*> layers;
};

// Made from the seed alone: the same numbers for any batch, compute type and way of running.
struct KernelStepOptions {
  DType compute = DType::kFloat32;
  int64_t batch_max = 4;
  int64_t batch = 4;
  bool fused = true;     // one kernel for all layers
  bool training = true;  // otherwise evaluation in kernels that can do nothing else
  bool input_gradient = true;
  uint64_t seed = 1;
};

struct KernelStepResult {
  std::vector<float> output;
  std::vector<float> input_gradient;                    // of the chain's first input
  std::vector<std::vector<float>> parameter_gradients;  // of all layers; of states their updates
  LossResult loss;
};

// Fails the running test where a kernel cannot be made.
KernelStepResult RunKernelStep(Device& device, const TestChain& chain, const KernelStepOptions& options);

// The largest difference, by the largest element of `wanted`; infinite where there are not as many.
double RelativeDifference(const std::vector<float>& got, const std::vector<float>& wanted);

// Expects all of a step within `tolerance` in that measure.
void ExpectClose(const KernelStepResult& got, const KernelStepResult& wanted, double tolerance);

// Expects the same bits everywhere.
void ExpectSameBits(const KernelStepResult& got, const KernelStepResult& wanted);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_CPU_KERNEL_STEP_H_
