#include "worker/device/cpu/kernel_step.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>

#include "common/base/philox.h"
#include "common/tensor/half.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

// Numbers of device memory in the compute type, or as they are.
class Tensor {
 public:
  Tensor(Device& device, size_t bytes) : buffer_(*device.Allocate(std::max<size_t>(bytes, 1), "a test")) {
    std::fill_n(buffer_.As<uint8_t>(), buffer_.size(), uint8_t{0xFF});  // NaN where nothing is written
  }

  void* data() const { return buffer_.data(); }

 private:
  Buffer buffer_;
};

void Write(DType dtype, const std::vector<float>& values, void* to) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == DType::kFloat32) {
      static_cast<float*>(to)[i] = values[i];
    } else {
      static_cast<BFloat16*>(to)[i] = BFloat16::FromFloat(values[i]);
    }
  }
}

std::vector<float> Read(DType dtype, const void* from, size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    values[i] =
        dtype == DType::kFloat32 ? static_cast<const float*>(from)[i] : static_cast<const BFloat16*>(from)[i].ToFloat();
  }
  return values;
}

std::vector<float> Random(uint64_t seed, uint64_t stream, size_t count, float low, float high) {
  PhiloxStream random(seed, stream);
  std::vector<float> values(count);
  for (float& value : values) value = low + (high - low) * random.UniformFloat();
  return values;
}

// One kernel with its memory.
class Runner {
 public:
  Runner(Device& device, const std::vector<const Layer*>& layers, const KernelStepOptions& options, bool input_gradient)
      : device_(device), options_(options), size_(DTypeSize(options.compute)) {
    spec_ = {.chain = layers,
             .compute = options.compute,
             .batch_max = options.batch_max,
             .training = options.training,
             .input_gradients = {}};
    for (const TensorType& type : KernelInputs(spec_)) {
      const bool real = type.element_type == ElementType::kReal;
      spec_.input_gradients.push_back(real && (input_gradient || !spec_.input_gradients.empty()));
    }
    auto kernel = device.CreateKernel(spec_);
    EXPECT_TRUE(kernel.ok()) << kernel.status();
    if (kernel.ok()) kernel_ = *std::move(kernel);
  }

  bool ok() const { return kernel_ != nullptr; }

  // `first` is input 0, `number` makes the other numbers.
  void Forward(const void* first, uint64_t number) {
    const KernelNeeds& needs = kernel_->needs();
    prepared_ = std::make_unique<Tensor>(device_, needs.prepared);
    saved_ = std::make_unique<Tensor>(device_, needs.saved);
    workspace_ = std::make_unique<Tensor>(device_, needs.workspace);
    const TensorType& output_type = KernelOutput(spec_);
    output_ = std::make_unique<Tensor>(device_, static_cast<size_t>(options_.batch_max * output_type.elements) * size_);
    MakeInputs(first, number);
    MakeParameters(number);
    if (needs.prepared > 0) kernel_->Prepare(parameter_pointers_, prepared_->data(), workspace_->data());
    kernel_->Forward({.mode = options_.training ? Mode::kTrain : Mode::kEvaluate,
                      .batch = options_.batch,
                      .inputs = inputs_,
                      .output = IsLoss(*spec_.chain.back()) ? nullptr : output_->data(),
                      .loss = &loss_,
                      .parameters = parameter_pointers_,
                      .parameter_gradients = gradient_pointers_,
                      .prepared = prepared_->data(),
                      .saved = options_.training ? saved_->data() : nullptr,
                      .workspace = workspace_->data(),
                      .random = &random_});
  }

  void Backward(const void* output_gradient) {
    const KernelNeeds& needs = kernel_->needs();
    std::vector<const void*> inputs = inputs_;
    if (!needs.backward_reads_inputs) std::fill(inputs.begin(), inputs.end(), nullptr);
    const auto accumulate = std::make_unique<bool[]>(inputs.size());
    const bool loss = IsLoss(*spec_.chain.back());
    kernel_->Backward({.batch = options_.batch,
                       .inputs = inputs,
                       .output = needs.backward_reads_output && !loss ? output_->data() : nullptr,
                       .output_gradient = loss ? nullptr : output_gradient,
                       .input_gradients = input_gradient_pointers_,
                       .accumulate = std::span<const bool>(accumulate.get(), inputs.size()),
                       .parameters = parameter_pointers_,
                       .parameter_gradients = gradient_pointers_,
                       .prepared = prepared_->data(),
                       .saved = saved_->data(),
                       .workspace = workspace_->data(),
                       .random = &random_});
  }

  const void* output() const { return output_->data(); }
  const void* input_gradient() const { return input_gradient_pointers_[0]; }
  const LossResult& loss() const { return loss_; }
  const KernelSpec& spec() const { return spec_; }

  void AppendParameterGradients(std::vector<std::vector<float>>* gradients) const {
    size_t i = 0;
    for (const Layer* layer : spec_.chain) {
      for (const ParameterSpec& parameter : layer->parameters) {
        gradients->push_back(Read(DType::kFloat32, gradient_pointers_[i++], static_cast<size_t>(parameter.elements)));
      }
    }
  }

 private:
  void MakeInputs(const void* first, uint64_t number) {
    const std::vector<TensorType> types = KernelInputs(spec_);
    for (size_t i = 0; i < types.size(); ++i) {
      const auto count = static_cast<size_t>(options_.batch_max * types[i].elements);
      Tensor& gradient = *tensors_.emplace_back(std::make_unique<Tensor>(device_, count * size_));
      input_gradient_pointers_.push_back(spec_.input_gradients[i] ? gradient.data() : nullptr);
      if (i == 0 && first != nullptr) {
        inputs_.push_back(first);
        continue;
      }
      Tensor& input = *tensors_.emplace_back(std::make_unique<Tensor>(device_, count * sizeof(float)));
      if (types[i].element_type == ElementType::kIndex) {
        PhiloxStream random(options_.seed, 1000 + 10 * number + i);
        for (size_t j = 0; j < count; ++j)
          static_cast<int32_t*>(input.data())[j] = static_cast<int32_t>(random.UniformInt(3));
      } else {
        Write(options_.compute, Random(options_.seed, 1000 + 10 * number + i, count, -1, 1), input.data());
      }
      inputs_.push_back(input.data());
    }
  }

  void MakeParameters(uint64_t number) {
    uint64_t stream = 100 * number;
    for (const Layer* layer : spec_.chain) {
      for (const ParameterSpec& parameter : layer->parameters) {
        const auto count = static_cast<size_t>(parameter.elements);
        const bool positive = parameter.role == ParameterSpec::Role::kState;  // a variance, perhaps
        Tensor& values = *tensors_.emplace_back(std::make_unique<Tensor>(device_, count * sizeof(float)));
        Write(DType::kFloat32,
              Random(options_.seed, 5000 + stream++, count, positive ? 0.5F : -0.5F, positive ? 2 : 0.5F),
              values.data());
        parameter_pointers_.push_back(values.data());
        Tensor& gradient = *tensors_.emplace_back(std::make_unique<Tensor>(device_, count * sizeof(float)));
        gradient_pointers_.push_back(gradient.data());
      }
      stream = 100 * (stream / 100 + 1);
    }
  }

  Device& device_;
  const KernelStepOptions options_;
  const size_t size_;
  KernelSpec spec_;
  std::unique_ptr<Kernel> kernel_;
  std::unique_ptr<Tensor> prepared_, saved_, workspace_, output_;
  std::vector<std::unique_ptr<Tensor>> tensors_;
  std::vector<const void*> inputs_;
  std::vector<void*> input_gradient_pointers_;
  std::vector<const void*> parameter_pointers_;
  std::vector<void*> gradient_pointers_;
  StepRandom random_{.seed = 7, .step = 3};
  LossResult loss_;
};

Graph MakeGraph(std::string_view text) {
  auto graph = Graph::FromText(text, "test");
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

}  // namespace

TestChain::TestChain(std::string_view model_text) : graph(MakeGraph(model_text)) {
  for (const Layer& layer : graph.layers()) {
    if (!IsView(layer)) layers.push_back(&layer);
  }
}

KernelStepResult RunKernelStep(Device& device, const TestChain& chain, const KernelStepOptions& options) {
  std::vector<std::unique_ptr<Runner>> runners;
  if (options.fused) {
    runners.push_back(std::make_unique<Runner>(device, chain.layers, options, options.input_gradient));
  } else {
    for (const Layer* layer : chain.layers) {
      runners.push_back(std::make_unique<Runner>(device, std::vector<const Layer*>{layer}, options,
                                                 !runners.empty() || options.input_gradient));
    }
  }
  KernelStepResult result;
  for (const auto& runner : runners) {
    if (!runner->ok()) return result;
  }
  const void* tensor = nullptr;
  for (size_t i = 0; i < runners.size(); ++i) {
    runners[i]->Forward(tensor, i);
    tensor = runners[i]->output();
  }
  const Layer& last = *chain.layers.back();
  const auto output_count = static_cast<size_t>(options.batch * last.output.elements);
  if (IsLoss(last)) {
    result.loss = runners.back()->loss();
  } else {
    result.output = Read(options.compute, runners.back()->output(), output_count);
  }
  if (options.training) {
    Tensor gradient(device, output_count * sizeof(float));
    Write(options.compute, Random(options.seed, 999, output_count, -1, 1), gradient.data());
    const void* dy = gradient.data();
    for (size_t i = runners.size(); i-- > 0;) {
      runners[i]->Backward(dy);
      dy = runners[i]->input_gradient();
    }
    if (options.input_gradient) {
      const TensorType& type = chain.layers.front()->inputs[0];
      if (type.element_type == ElementType::kReal) {
        result.input_gradient = Read(options.compute, dy, static_cast<size_t>(options.batch * type.elements));
      }
    }
    for (const auto& runner : runners) runner->AppendParameterGradients(&result.parameter_gradients);
  }
  EXPECT_TRUE(device.Synchronize().ok()) << device.Synchronize();
  return result;
}

double RelativeDifference(const std::vector<float>& got, const std::vector<float>& wanted) {
  if (got.size() != wanted.size()) return std::numeric_limits<double>::infinity();
  double largest = 1e-30;
  double difference = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    if (!std::isfinite(got[i]) || !std::isfinite(wanted[i])) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, std::abs(double{wanted[i]}));
    difference = std::max(difference, std::abs(double{got[i]} - wanted[i]));
  }
  return difference / largest;
}

void ExpectClose(const KernelStepResult& got, const KernelStepResult& wanted, double tolerance) {
  EXPECT_LE(RelativeDifference(got.output, wanted.output), tolerance) << "output";
  EXPECT_LE(RelativeDifference(got.input_gradient, wanted.input_gradient), tolerance) << "gradient of the input";
  ASSERT_EQ(got.parameter_gradients.size(), wanted.parameter_gradients.size());
  for (size_t i = 0; i < got.parameter_gradients.size(); ++i) {
    EXPECT_LE(RelativeDifference(got.parameter_gradients[i], wanted.parameter_gradients[i]), tolerance)
        << "gradient of parameter " << i;
  }
  EXPECT_NEAR(got.loss.loss, wanted.loss.loss, tolerance * std::abs(wanted.loss.loss));
  EXPECT_EQ(got.loss.correct, wanted.loss.correct);
}

void ExpectSameBits(const KernelStepResult& got, const KernelStepResult& wanted) {
  EXPECT_EQ(got.output, wanted.output);
  EXPECT_EQ(got.input_gradient, wanted.input_gradient);
  EXPECT_EQ(got.parameter_gradients, wanted.parameter_gradients);
  EXPECT_EQ(got.loss.loss, wanted.loss.loss);
  EXPECT_EQ(got.loss.correct, wanted.loss.correct);
}

}  // namespace downpour
