// Runs one kernel of any device on numbers of the host: for conformance, gradient checks and golden values.
#ifndef DOWNPOUR_WORKER_DEVICE_KERNEL_HARNESS_H_
#define DOWNPOUR_WORKER_DEVICE_KERNEL_HARNESS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/device/device.h"
#include "worker/models/graph.h"

namespace downpour::testing {

// What goes into a kernel, as doubles, indices included; of batch examples.
struct KernelValues {
  int64_t batch = 0;
  std::vector<std::vector<double>> inputs;
  std::vector<std::vector<double>> parameters;
  std::vector<double> output_gradient;  // empty for a loss
  uint64_t seed = 0, step = 0;
};

struct KernelResults {
  std::vector<double> output;  // empty for a loss
  LossResult loss;
  std::vector<std::vector<double>> parameter_gradients;  // of states: the updates, after a training pass forward
  std::vector<std::vector<double>> input_gradients;      // empty where none was wanted
  std::string overrun;  // what was written behind the batch's examples; empty if nothing was
};

struct KernelRunOptions {
  Mode mode = Mode::kTrain;  // kTrain: also backward
  bool in_place = false;     // where the kernel allows it
  bool accumulate = false;   // if the kernel does: input gradients are added to 1
};

// The layers of a model, one behind the other, as one kernel.
class KernelHarness {
 public:
  // `graph` is a chain: each layer takes the output of the one before as its input 0. `input_gradients` false: of no
  // input.
  static absl::StatusOr<std::unique_ptr<KernelHarness>> Create(Device* device, std::shared_ptr<const Graph> graph,
                                                               DType compute, int64_t batch_max, bool training = true,
                                                               bool input_gradients = true);

  const KernelSpec& spec() const { return spec_; }
  const KernelNeeds& needs() const { return kernel_->needs(); }
  const std::vector<const ParameterSpec*>& parameters() const { return parameters_; }

  // Prepares, runs, waits.
  absl::StatusOr<KernelResults> Run(const KernelValues& values, const KernelRunOptions& options = {});

 private:
  KernelHarness() = default;

  absl::Status CopyIn(const Buffer& buffer, DType dtype, const std::vector<double>& values);
  absl::StatusOr<std::vector<double>> CopyOut(const Buffer& buffer, DType dtype, size_t count);
  absl::Status Fill(const Buffer& buffer, std::byte value);
  DType InputDType(size_t i) const;

  Device* device_ = nullptr;
  std::shared_ptr<const Graph> graph_;
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
