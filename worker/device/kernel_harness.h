// Runs one kernel of any device on numbers of the host: for conformance, gradient checks and golden values.
#ifndef DOWNPOUR_WORKER_DEVICE_KERNEL_HARNESS_H_
#define DOWNPOUR_WORKER_DEVICE_KERNEL_HARNESS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/tensor/dtype.h"
#include "worker/device/device.h"
#include "worker/models/graph.h"

namespace downpour::testing {

// What goes into a kernel, as doubles, indices included; of batch examples.
struct KernelValues {
  int64_t batch = 0;
  std::vector<std::vector<double>> inputs = {};
  std::vector<std::vector<double>> parameters = {};
  std::vector<double> output_gradient = {};  // empty for a loss
  uint64_t seed = 0, step = 0;
};

struct KernelResults {
  std::vector<double> output = {};  // empty for a loss
  LossResult loss = {};
  std::vector<std::vector<double>> parameter_gradients = {};  // of states: the updates, after a training pass forward
  std::vector<std::vector<double>> input_gradients = {};      // empty where none was wanted
  std::string overrun = {};  // what was written behind the batch's examples; empty if nothing was
};

struct KernelRunOptions {
  Mode mode = Mode::kTrain;  // kTrain: also backward
  bool in_place = false;     // where the kernel allows it
  bool accumulate = false;   // if the kernel does: input gradients are added to 1
};

struct KernelHarnessOptions {
  DType compute = DType::kFloat32;
  int64_t batch_max = 1;
  bool training = true;
  bool input_gradients = true;  // of all inputs of real numbers but those that a loss judges by; false: of none
};

// A chain of layers, each of which takes the output of the one before as its input 0, as one kernel.
class KernelHarness {
 public:
  // The layers outlive it, or it keeps the graph, all of whose layers are the chain. UNIMPLEMENTED where the device
  // does not fuse them, and its errors.
  static absl::StatusOr<std::unique_ptr<KernelHarness>> Create(Device* device, std::vector<const Layer*> chain,
                                                               const KernelHarnessOptions& options);
  static absl::StatusOr<std::unique_ptr<KernelHarness>> Create(Device* device, std::shared_ptr<const Graph> graph,
                                                               const KernelHarnessOptions& options);

  const KernelSpec& spec() const { return spec_; }
  const KernelNeeds& needs() const { return kernel_->needs(); }
  const std::vector<const ParameterSpec*>& parameters() const { return parameters_; }

  // Prepares, runs, waits. All memory that the kernel shall write first holds NaN.
  absl::StatusOr<KernelResults> Run(const KernelValues& values, const KernelRunOptions& options = {});

 private:
  struct Memory;

  KernelHarness() = default;

  bool IsOfLoss() const { return IsLoss(*spec_.chain.back()); }
  DType InputDType(size_t i) const;
  absl::StatusOr<Buffer> Allocate(size_t size, std::byte contents);
  absl::StatusOr<Buffer> AllocateNumbers(DType dtype, const std::vector<double>& numbers, size_t size,
                                         std::byte contents);
  absl::StatusOr<std::vector<double>> CopyOut(const void* data, DType dtype, size_t count);
  absl::Status MakeMemory(const KernelValues& values, const KernelRunOptions& options, Memory* memory);
  void Forward(int64_t batch, Mode mode, const Memory& memory);
  void Backward(int64_t batch, bool accumulate, const Memory& memory);
  absl::Status ReadOutput(int64_t batch, const Memory& memory, KernelResults* results);
  absl::Status ReadGradients(int64_t batch, const Memory& memory, KernelResults* results);
  absl::Status LookBehind(const Buffer& buffer, size_t used, const std::string& what, KernelResults* results);

  Device* device_ = nullptr;
  std::shared_ptr<const Graph> graph_;  // null: not kept
  KernelSpec spec_;
  DType parameter_dtype_ = DType::kFloat32;
  std::vector<TensorType> input_types_;
  std::vector<const ParameterSpec*> parameters_;
  std::unique_ptr<Kernel> kernel_;
};

// Numbers for it, a pure function of `seed`: rounded to what `compute` holds, indices in [0, index_bound), parameters
// of size 1 / sqrt(fan in) and variances above 0. `ties`: inputs are -1, 0 or 1, so that many are equal.
KernelValues RandomKernelValues(const KernelSpec& spec, int64_t batch, uint64_t seed, int64_t index_bound,
                                bool ties = false);

// |a - b| / |b| in the Euclidean norm; the norm of the difference itself where b is tiny. Infinite for unequal sizes.
double RelativeError(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_DEVICE_KERNEL_HARNESS_H_
