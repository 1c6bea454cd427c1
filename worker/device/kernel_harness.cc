#include "worker/device/kernel_harness.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/philox.h"
#include "common/base/status.h"
#include "worker/device/number_bytes.h"
#include "worker/models/fusion.h"

namespace downpour::testing {
namespace {

constexpr std::byte kUntouched{0xcb};
constexpr std::byte kNan{0xff};

double Rounded(DType dtype, double value) { return FromBytes(dtype, ToBytes(dtype, {value}))[0]; }

// Twelve uniform numbers: mean 0, deviation 1, and no library whose bits differ.
double Normal(PhiloxStream& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.UniformDouble();
  return sum;
}

size_t Count(const TensorType& type, int64_t batch) { return static_cast<size_t>(type.elements * batch); }

std::vector<const void*> Addresses(const std::vector<Buffer>& buffers) {
  std::vector<const void*> addresses;
  for (const Buffer& buffer : buffers) addresses.push_back(buffer.data());
  return addresses;
}

std::vector<void*> WritableAddresses(const std::vector<Buffer>& buffers) {
  std::vector<void*> addresses;
  for (const Buffer& buffer : buffers) addresses.push_back(buffer.data());
  return addresses;
}

}  // namespace

// Of a run, each tensor at batch_max.
struct KernelHarness::Memory {
  std::vector<Buffer> inputs, input_gradients, parameters, parameter_gradients;
  Buffer own_output, output_gradient, prepared, saved, workspace, loss, random;

  // Where they really are: in place or not, null where none is wanted.
  void* output = nullptr;
  std::vector<void*> input_gradients_at;
};

absl::StatusOr<std::unique_ptr<KernelHarness>> KernelHarness::Create(Device* device, std::vector<const Layer*> chain,
                                                                     const KernelHarnessOptions& options) {
  auto harness = std::unique_ptr<KernelHarness>(new KernelHarness);
  harness->device_ = device;
  KernelSpec& spec = harness->spec_;
  spec.chain = std::move(chain);
  spec.compute = options.compute;
  spec.batch_max = options.batch_max;
  spec.training = options.training;
  harness->parameter_dtype_ = options.compute == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
  harness->input_types_ = KernelInputs(spec);
  for (size_t i = 0; i < harness->input_types_.size(); ++i) {
    const bool label = harness->IsOfLoss() && i + 1 == harness->input_types_.size();
    spec.input_gradients.push_back(options.training && options.input_gradients && !label &&
                                   harness->input_types_[i].element_type == ElementType::kReal);
  }
  for (const Layer* layer : spec.chain) {
    for (const ParameterSpec& parameter : layer->parameters) harness->parameters_.push_back(&parameter);
  }
  if (spec.chain.size() > 1 && !device->Fuses(spec)) return absl::UnimplementedError("the device does not fuse this");
  DP_ASSIGN_OR_RETURN(harness->kernel_, device->CreateKernel(spec));
  return harness;
}

absl::StatusOr<std::unique_ptr<KernelHarness>> KernelHarness::Create(Device* device, std::shared_ptr<const Graph> graph,
                                                                     const KernelHarnessOptions& options) {
  std::vector<const Layer*> chain;
  for (const Layer& layer : graph->layers()) chain.push_back(&layer);
  DP_ASSIGN_OR_RETURN(std::unique_ptr<KernelHarness> harness, Create(device, std::move(chain), options));
  harness->graph_ = std::move(graph);
  return harness;
}

DType KernelHarness::InputDType(size_t i) const {
  return input_types_[i].element_type == ElementType::kIndex ? DType::kInt32 : spec_.compute;
}

absl::StatusOr<Buffer> KernelHarness::Allocate(size_t size, std::byte contents) {
  return AllocateNumbers(DType::kFloat32, {}, size, contents);
}

// `contents` behind the numbers.
absl::StatusOr<Buffer> KernelHarness::AllocateNumbers(DType dtype, const std::vector<double>& numbers, size_t size,
                                                      std::byte contents) {
  std::vector<std::byte> bytes = ToBytes(dtype, numbers);
  if (bytes.size() > size) return absl::InternalError("more values than the buffer holds");
  bytes.resize(size, contents);
  DP_ASSIGN_OR_RETURN(Buffer buffer, device_->Allocate(size, "a tensor of the test"));
  device_->CopyIn(Queue::kCompute, buffer.data(), bytes.data(), size);
  DP_RETURN_IF_ERROR(device_->Synchronize());
  return buffer;
}

absl::StatusOr<std::vector<double>> KernelHarness::CopyOut(const void* data, DType dtype, size_t count) {
  std::vector<std::byte> bytes(count * DTypeSize(dtype));
  device_->CopyOut(Queue::kCompute, bytes.data(), data, bytes.size());
  DP_RETURN_IF_ERROR(device_->Synchronize());
  return FromBytes(dtype, bytes);
}

absl::Status KernelHarness::MakeMemory(const KernelValues& values, const KernelRunOptions& options, Memory* memory) {
  const KernelNeeds& needs = kernel_->needs();
  for (size_t i = 0; i < input_types_.size(); ++i) {
    const DType dtype = InputDType(i);
    const size_t size = Count(input_types_[i], spec_.batch_max) * DTypeSize(dtype);
    DP_ASSIGN_OR_RETURN(memory->inputs.emplace_back(), AllocateNumbers(dtype, values.inputs[i], size, kUntouched));
    const bool ones = options.accumulate && dtype != DType::kInt32;
    const std::vector<double> before(ones ? Count(input_types_[i], values.batch) : 0, 1);
    DP_ASSIGN_OR_RETURN(memory->input_gradients.emplace_back(), AllocateNumbers(dtype, before, size, kUntouched));
  }
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const size_t size = static_cast<size_t>(parameters_[i]->elements) * DTypeSize(parameter_dtype_);
    DP_ASSIGN_OR_RETURN(memory->parameters.emplace_back(),
                        AllocateNumbers(parameter_dtype_, values.parameters[i], size, kNan));
    DP_ASSIGN_OR_RETURN(memory->parameter_gradients.emplace_back(), Allocate(size, kNan));
  }
  const size_t output_size = IsOfLoss() ? 0 : Count(KernelOutput(spec_), spec_.batch_max) * DTypeSize(spec_.compute);
  DP_ASSIGN_OR_RETURN(memory->own_output, Allocate(output_size, kUntouched));
  DP_ASSIGN_OR_RETURN(memory->output_gradient,
                      AllocateNumbers(spec_.compute, values.output_gradient, output_size, kNan));
  DP_ASSIGN_OR_RETURN(memory->prepared, Allocate(needs.prepared, kNan));
  DP_ASSIGN_OR_RETURN(memory->saved, Allocate(needs.saved, kNan));
  DP_ASSIGN_OR_RETURN(memory->workspace, Allocate(needs.workspace, kNan));
  DP_ASSIGN_OR_RETURN(memory->loss, Allocate(sizeof(LossResult), kNan));
  DP_ASSIGN_OR_RETURN(memory->random, Allocate(sizeof(StepRandom), kNan));
  const StepRandom step{values.seed, values.step};
  device_->CopyIn(Queue::kCompute, memory->random.data(), &step, sizeof(step));

  const bool forward_in_place =
      options.in_place && !IsOfLoss() && needs.forward_in_place && !needs.backward_reads_inputs;
  const bool backward_in_place = options.in_place && !IsOfLoss() && needs.backward_in_place && !options.accumulate;
  memory->output = forward_in_place ? memory->inputs[0].data() : memory->own_output.data();
  for (size_t i = 0; i < input_types_.size(); ++i) {
    void* const at = i == 0 && backward_in_place ? memory->output_gradient.data() : memory->input_gradients[i].data();
    memory->input_gradients_at.push_back(spec_.input_gradients[i] ? at : nullptr);
  }
  return device_->Synchronize();
}

void KernelHarness::Forward(int64_t batch, Mode mode, const Memory& memory) {
  const std::vector<const void*> inputs = Addresses(memory.inputs);
  const std::vector<const void*> parameters = Addresses(memory.parameters);
  const std::vector<void*> parameter_gradients = WritableAddresses(memory.parameter_gradients);
  if (kernel_->needs().prepared > 0) kernel_->Prepare(parameters, memory.prepared.data(), memory.workspace.data());
  ForwardCall call;
  call.mode = mode;
  call.batch = batch;
  call.inputs = inputs;
  call.output = memory.output;
  call.loss = memory.loss.As<LossResult>();
  call.parameters = parameters;
  call.parameter_gradients = parameter_gradients;
  call.prepared = memory.prepared.data();
  call.saved = memory.saved.data();
  call.workspace = memory.workspace.data();
  call.random = memory.random.As<StepRandom>();
  kernel_->Forward(call);
}

// What backward says that it does not read is not given to it.
void KernelHarness::Backward(int64_t batch, bool accumulate, const Memory& memory) {
  const KernelNeeds& needs = kernel_->needs();
  std::vector<const void*> inputs = Addresses(memory.inputs);
  if (!needs.backward_reads_inputs) inputs.assign(inputs.size(), nullptr);
  const std::vector<const void*> parameters = Addresses(memory.parameters);
  const std::vector<void*> parameter_gradients = WritableAddresses(memory.parameter_gradients);
  const auto accumulates = std::make_unique<bool[]>(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    accumulates[i] = accumulate && needs.accumulates && spec_.input_gradients[i];
  }
  BackwardCall call;
  call.batch = batch;
  call.inputs = inputs;
  call.output = needs.backward_reads_output && !IsOfLoss() ? memory.output : nullptr;
  call.output_gradient = IsOfLoss() ? nullptr : memory.output_gradient.data();
  call.input_gradients = memory.input_gradients_at;
  call.accumulate = {accumulates.get(), inputs.size()};
  call.parameters = parameters;
  call.parameter_gradients = parameter_gradients;
  call.prepared = memory.prepared.data();
  call.saved = memory.saved.data();
  call.workspace = memory.workspace.data();
  call.random = memory.random.As<StepRandom>();
  kernel_->Backward(call);
}

absl::Status KernelHarness::ReadOutput(int64_t batch, const Memory& memory, KernelResults* results) {
  if (IsOfLoss()) {
    device_->CopyOut(Queue::kCompute, &results->loss, memory.loss.data(), sizeof(LossResult));
  } else {
    DP_ASSIGN_OR_RETURN(results->output, CopyOut(memory.output, spec_.compute, Count(KernelOutput(spec_), batch)));
  }
  return device_->Synchronize();
}

absl::Status KernelHarness::ReadGradients(int64_t batch, const Memory& memory, KernelResults* results) {
  for (size_t i = 0; i < input_types_.size(); ++i) {
    std::vector<double>& gradient = results->input_gradients.emplace_back();
    if (!spec_.input_gradients[i]) continue;
    DP_ASSIGN_OR_RETURN(gradient, CopyOut(memory.input_gradients_at[i], spec_.compute, Count(input_types_[i], batch)));
  }
  for (size_t i = 0; i < parameters_.size(); ++i) {
    DP_ASSIGN_OR_RETURN(
        results->parameter_gradients.emplace_back(),
        CopyOut(memory.parameter_gradients[i].data(), parameter_dtype_, static_cast<size_t>(parameters_[i]->elements)));
  }
  return device_->Synchronize();
}

// Whether only the first `used` bytes were written.
absl::Status KernelHarness::LookBehind(const Buffer& buffer, size_t used, const std::string& what,
                                       KernelResults* results) {
  std::vector<std::byte> bytes(buffer.size());
  device_->CopyOut(Queue::kCompute, bytes.data(), buffer.data(), bytes.size());
  DP_RETURN_IF_ERROR(device_->Synchronize());
  const auto behind = std::span(bytes).subspan(std::min(used, bytes.size()));
  const bool clean = std::all_of(behind.begin(), behind.end(), [](std::byte byte) { return byte == kUntouched; });
  if (!clean) results->overrun = what;
  return absl::OkStatus();
}

absl::StatusOr<KernelResults> KernelHarness::Run(const KernelValues& values, const KernelRunOptions& options) {
  Memory memory;
  DP_RETURN_IF_ERROR(MakeMemory(values, options, &memory));
  KernelResults results;
  Forward(values.batch, options.mode, memory);
  DP_RETURN_IF_ERROR(ReadOutput(values.batch, memory, &results));
  const bool training = options.mode == Mode::kTrain;
  if (training) {
    Backward(values.batch, options.accumulate, memory);
    DP_RETURN_IF_ERROR(ReadGradients(values.batch, memory, &results));
  }
  if (memory.output == memory.own_output.data()) {
    DP_RETURN_IF_ERROR(
        LookBehind(memory.own_output, results.output.size() * DTypeSize(spec_.compute), "the output", &results));
  }
  for (size_t i = 0; i < input_types_.size(); ++i) {
    const bool written = (training && spec_.input_gradients[i]) || options.accumulate;
    const size_t used = written ? Count(input_types_[i], values.batch) * DTypeSize(InputDType(i)) : 0;
    DP_RETURN_IF_ERROR(
        LookBehind(memory.input_gradients[i], used, absl::StrCat("the gradient of input ", i), &results));
  }
  return results;
}

KernelValues RandomKernelValues(const KernelSpec& spec, int64_t batch, uint64_t seed, int64_t index_bound, bool ties) {
  PhiloxStream random(seed);
  KernelValues values;
  values.batch = batch;
  values.seed = seed;
  values.step = 1 + random.UniformInt(1000);
  for (const TensorType& type : KernelInputs(spec)) {
    std::vector<double>& input = values.inputs.emplace_back(Count(type, batch));
    for (double& value : input) {
      if (type.element_type == ElementType::kIndex) {
        value = static_cast<double>(random.UniformInt(static_cast<uint64_t>(index_bound)));
      } else if (ties) {
        value = static_cast<double>(random.UniformInt(3)) - 1;
      } else {
        value = Rounded(spec.compute, Normal(random));
      }
    }
  }
  const DType parameter_dtype = spec.compute == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
  for (const Layer* layer : spec.chain) {
    for (const ParameterSpec& parameter : layer->parameters) {
      std::vector<double>& weights = values.parameters.emplace_back(static_cast<size_t>(parameter.elements));
      const bool is_matrix = parameter.shape.rank() > 1;
      const double fan_in = static_cast<double>(parameter.elements) /
                            static_cast<double>(parameter.shape.dim(parameter.shape.rank() - 1));
      for (double& weight : weights) {
        const double normal = is_matrix ? Normal(random) / std::sqrt(fan_in) : Normal(random) / 4;
        const bool near_one = parameter.name.ends_with("/variance") || parameter.name.ends_with("/scale");
        weight = Rounded(parameter_dtype, near_one ? 1 + std::clamp(normal, -0.9, 0.9) : normal);
      }
    }
  }
  if (IsLoss(*spec.chain.back())) {
    // Labels that may be probabilities.
    if (spec.chain.back()->As<SigmoidCrossEntropy>() != nullptr) {
      for (double& label : values.inputs.back()) label = label > 0 ? 1 : 0.25;
    }
    return values;
  }
  values.output_gradient.resize(Count(KernelOutput(spec), batch));
  for (double& value : values.output_gradient) value = Rounded(spec.compute, Normal(random));
  return values;
}

double RelativeError(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double difference = 0, norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
  return std::sqrt(difference) / (norm > 1e-20 ? std::sqrt(norm) : 1);
}

}  // namespace downpour::testing
