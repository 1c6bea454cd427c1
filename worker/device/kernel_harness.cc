#include "worker/device/kernel_harness.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/philox.h"
#include "common/base/status.h"
#include "common/tensor/half.h"
#include "worker/models/fusion.h"

namespace downpour::testing {
namespace {

constexpr std::byte kUntouched{0xcb};

template <typename T>
void Put(double value, std::byte* to) {
  const T element = static_cast<T>(value);
  std::memcpy(to, &element, sizeof(T));
}

void Encode(DType dtype, double value, std::byte* to) {
  switch (dtype) {
    case DType::kFloat64:
      return Put<double>(value, to);
    case DType::kInt32:
      return Put<int32_t>(value, to);
    case DType::kBFloat16: {
      const BFloat16 element = BFloat16::FromFloat(static_cast<float>(value));
      std::memcpy(to, &element, sizeof(element));
      return;
    }
    default:
      return Put<float>(value, to);
  }
}

template <typename T>
double Get(const std::byte* from) {
  T element;
  std::memcpy(&element, from, sizeof(T));
  return static_cast<double>(element);
}

double Decode(DType dtype, const std::byte* from) {
  switch (dtype) {
    case DType::kFloat64:
      return Get<double>(from);
    case DType::kBFloat16: {
      BFloat16 element;
      std::memcpy(&element, from, sizeof(element));
      return element.ToFloat();
    }
    default:
      return Get<float>(from);
  }
}

double Rounded(DType dtype, double value) {
  std::byte bytes[sizeof(double)];
  Encode(dtype, value, bytes);
  return Decode(dtype, bytes);
}

// Twelve uniform numbers: mean 0, deviation 1, and no library whose bits differ.
double Normal(PhiloxStream& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.UniformDouble();
  return sum;
}

size_t Count(const TensorType& type, int64_t batch) { return static_cast<size_t>(type.elements * batch); }

}  // namespace

absl::StatusOr<std::unique_ptr<KernelHarness>> KernelHarness::Create(Device* device, std::shared_ptr<const Graph> graph,
                                                                     DType compute, int64_t batch_max, bool training,
                                                                     bool input_gradients) {
  auto harness = std::unique_ptr<KernelHarness>(new KernelHarness);
  harness->device_ = device;
  harness->graph_ = std::move(graph);
  KernelSpec& spec = harness->spec_;
  for (const Layer& layer : harness->graph_->layers()) spec.chain.push_back(&layer);
  spec.compute = compute;
  spec.batch_max = batch_max;
  spec.training = training;
  harness->parameter_dtype_ = compute == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
  harness->input_types_ = KernelInputs(spec);
  const bool judged = IsLoss(*spec.chain.back());
  for (size_t i = 0; i < harness->input_types_.size(); ++i) {
    // What a loss judges by has no gradient; it is the last input.
    const bool label = judged && i + 1 == harness->input_types_.size();
    spec.input_gradients.push_back(training && input_gradients && !label &&
                                   harness->input_types_[i].element_type == ElementType::kReal);
  }
  for (const Layer* layer : spec.chain) {
    for (const ParameterSpec& parameter : layer->parameters) harness->parameters_.push_back(&parameter);
  }
  if (spec.chain.size() > 1 && !device->Fuses(spec)) return absl::UnimplementedError("the device does not fuse this");
  DP_ASSIGN_OR_RETURN(harness->kernel_, device->CreateKernel(spec));
  return harness;
}

DType KernelHarness::InputDType(size_t i) const {
  return input_types_[i].element_type == ElementType::kIndex ? DType::kInt32 : spec_.compute;
}

absl::Status KernelHarness::CopyIn(const Buffer& buffer, DType dtype, const std::vector<double>& values) {
  std::vector<std::byte> bytes(values.size() * DTypeSize(dtype));
  for (size_t i = 0; i < values.size(); ++i) Encode(dtype, values[i], &bytes[i * DTypeSize(dtype)]);
  if (bytes.size() > buffer.size()) return absl::InternalError("more values than the buffer holds");
  device_->CopyIn(Queue::kCompute, buffer.data(), bytes.data(), bytes.size());
  return device_->Synchronize();
}

absl::StatusOr<std::vector<double>> KernelHarness::CopyOut(const Buffer& buffer, DType dtype, size_t count) {
  std::vector<std::byte> bytes(count * DTypeSize(dtype));
  device_->CopyOut(Queue::kCompute, bytes.data(), buffer.data(), bytes.size());
  DP_RETURN_IF_ERROR(device_->Synchronize());
  std::vector<double> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = Decode(dtype, &bytes[i * DTypeSize(dtype)]);
  return values;
}

absl::Status KernelHarness::Fill(const Buffer& buffer, std::byte value) {
  const std::vector<std::byte> bytes(buffer.size(), value);
  device_->CopyIn(Queue::kCompute, buffer.data(), bytes.data(), bytes.size());
  return device_->Synchronize();
}

absl::StatusOr<KernelResults> KernelHarness::Run(const KernelValues& values, const KernelRunOptions& options) {
  const KernelNeeds& needs = kernel_->needs();
  const DType compute = spec_.compute;
  const size_t element = DTypeSize(compute);
  const bool has_output = !IsLoss(*spec_.chain.back());
  const size_t output_count = has_output ? Count(KernelOutput(spec_), values.batch) : 0;

  std::vector<Buffer> inputs, input_gradients, parameters, parameter_gradients;
  for (size_t i = 0; i < input_types_.size(); ++i) {
    const size_t bytes = Count(input_types_[i], spec_.batch_max) * DTypeSize(InputDType(i));
    DP_ASSIGN_OR_RETURN(inputs.emplace_back(), device_->Allocate(bytes, "an input"));
    DP_RETURN_IF_ERROR(CopyIn(inputs.back(), InputDType(i), values.inputs[i]));
    DP_ASSIGN_OR_RETURN(input_gradients.emplace_back(), device_->Allocate(bytes, "an input's gradient"));
    DP_RETURN_IF_ERROR(Fill(input_gradients.back(), kUntouched));
    if (options.accumulate && InputDType(i) != DType::kInt32) {
      const std::vector<double> ones(Count(input_types_[i], values.batch), 1);
      DP_RETURN_IF_ERROR(CopyIn(input_gradients.back(), compute, ones));
    }
  }
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const size_t bytes = static_cast<size_t>(parameters_[i]->elements) * DTypeSize(parameter_dtype_);
    DP_ASSIGN_OR_RETURN(parameters.emplace_back(), device_->Allocate(bytes, "a parameter"));
    DP_RETURN_IF_ERROR(CopyIn(parameters.back(), parameter_dtype_, values.parameters[i]));
    DP_ASSIGN_OR_RETURN(parameter_gradients.emplace_back(), device_->Allocate(bytes, "a parameter's gradient"));
    DP_RETURN_IF_ERROR(Fill(parameter_gradients.back(), std::byte{0xff}));
  }
  const size_t output_bytes = has_output ? Count(KernelOutput(spec_), spec_.batch_max) * element : 0;
  DP_ASSIGN_OR_RETURN(const Buffer own_output, device_->Allocate(output_bytes, "the output"));
  DP_ASSIGN_OR_RETURN(const Buffer output_gradient, device_->Allocate(output_bytes, "the output's gradient"));
  DP_ASSIGN_OR_RETURN(const Buffer prepared, device_->Allocate(needs.prepared, "prepared weights"));
  DP_ASSIGN_OR_RETURN(const Buffer saved, device_->Allocate(needs.saved, "what is saved"));
  DP_ASSIGN_OR_RETURN(const Buffer workspace, device_->Allocate(needs.workspace, "the workspace"));
  DP_ASSIGN_OR_RETURN(const Buffer loss, device_->Allocate(sizeof(LossResult), "the loss"));
  DP_ASSIGN_OR_RETURN(const Buffer random, device_->Allocate(sizeof(StepRandom), "random numbers"));
  DP_RETURN_IF_ERROR(Fill(own_output, kUntouched));
  if (has_output && options.mode == Mode::kTrain) {
    DP_RETURN_IF_ERROR(CopyIn(output_gradient, compute, values.output_gradient));
  }
  const StepRandom step{values.seed, values.step};
  device_->CopyIn(Queue::kCompute, random.data(), &step, sizeof(step));

  const bool forward_in_place =
      options.in_place && has_output && needs.forward_in_place && !needs.backward_reads_inputs;
  const bool backward_in_place =
      options.in_place && has_output && needs.backward_in_place && !options.accumulate && spec_.input_gradients[0];
  const Buffer& output = forward_in_place ? inputs[0] : own_output;

  std::vector<const void*> input_data, parameter_data;
  std::vector<void*> gradient_data;
  for (const Buffer& buffer : inputs) input_data.push_back(buffer.data());
  for (const Buffer& buffer : parameters) parameter_data.push_back(buffer.data());
  for (const Buffer& buffer : parameter_gradients) gradient_data.push_back(buffer.data());
  if (needs.prepared > 0) kernel_->Prepare(parameter_data, prepared.data(), workspace.data());
  ForwardCall forward;
  forward.mode = options.mode;
  forward.batch = values.batch;
  forward.inputs = input_data;
  forward.output = output.data();
  forward.loss = loss.As<LossResult>();
  forward.parameters = parameter_data;
  forward.parameter_gradients = gradient_data;
  forward.prepared = prepared.data();
  forward.saved = saved.data();
  forward.workspace = workspace.data();
  forward.random = random.As<StepRandom>();
  kernel_->Forward(forward);

  KernelResults results;
  if (has_output) {
    DP_ASSIGN_OR_RETURN(results.output, CopyOut(output, compute, output_count));
  } else {
    device_->CopyOut(Queue::kCompute, &results.loss, loss.data(), sizeof(LossResult));
    DP_RETURN_IF_ERROR(device_->Synchronize());
  }
  std::vector<const Buffer*> gradient_buffers;
  if (options.mode == Mode::kTrain) {
    std::vector<void*> input_gradient_data;
    const std::unique_ptr<bool[]> accumulate(new bool[inputs.size()]);
    for (size_t i = 0; i < inputs.size(); ++i) {
      gradient_buffers.push_back(i == 0 && backward_in_place ? &output_gradient : &input_gradients[i]);
      input_gradient_data.push_back(spec_.input_gradients[i] ? gradient_buffers[i]->data() : nullptr);
      accumulate[i] = options.accumulate && needs.accumulates && spec_.input_gradients[i];
      if (!needs.backward_reads_inputs) input_data[i] = nullptr;
    }
    BackwardCall backward;
    backward.batch = values.batch;
    backward.inputs = input_data;
    backward.output = needs.backward_reads_output ? output.data() : nullptr;
    backward.output_gradient = has_output ? output_gradient.data() : nullptr;
    backward.input_gradients = input_gradient_data;
    backward.accumulate = {accumulate.get(), inputs.size()};
    backward.parameters = parameter_data;
    backward.parameter_gradients = gradient_data;
    backward.prepared = prepared.data();
    backward.saved = saved.data();
    backward.workspace = workspace.data();
    backward.random = random.As<StepRandom>();
    kernel_->Backward(backward);
    for (size_t i = 0; i < inputs.size(); ++i) {
      std::vector<double>& gradient = results.input_gradients.emplace_back();
      if (!spec_.input_gradients[i]) continue;
      DP_ASSIGN_OR_RETURN(gradient, CopyOut(*gradient_buffers[i], compute, Count(input_types_[i], values.batch)));
    }
    for (size_t i = 0; i < parameters_.size(); ++i) {
      DP_ASSIGN_OR_RETURN(
          results.parameter_gradients.emplace_back(),
          CopyOut(parameter_gradients[i], parameter_dtype_, static_cast<size_t>(parameters_[i]->elements)));
    }
  }
  DP_RETURN_IF_ERROR(device_->Synchronize());

  // Behind the examples of the batch nothing was written.
  const auto look_behind = [&](const Buffer& buffer, size_t used, std::string_view what) -> absl::Status {
    std::vector<std::byte> bytes(buffer.size());
    device_->CopyOut(Queue::kCompute, bytes.data(), buffer.data(), bytes.size());
    DP_RETURN_IF_ERROR(device_->Synchronize());
    const bool clean = std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(std::min(used, bytes.size())),
                                   bytes.end(), [](std::byte byte) { return byte == kUntouched; });
    if (!clean) results.overrun = std::string(what);
    return absl::OkStatus();
  };
  if (!forward_in_place) DP_RETURN_IF_ERROR(look_behind(own_output, output_count * element, "the output"));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool written = !results.input_gradients.empty() && spec_.input_gradients[i] && !options.accumulate;
    const size_t used =
        written || options.accumulate ? Count(input_types_[i], values.batch) * DTypeSize(InputDType(i)) : 0;
    DP_RETURN_IF_ERROR(look_behind(input_gradients[i], used, absl::StrCat("the gradient of input ", i)));
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
