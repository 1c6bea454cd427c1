#include "worker/models/layer_golden_suite.h"

#include <cstddef>
#include <cstdint>

#include "worker/layers/resolve.h"
#include "worker/models/device_tensor.h"

namespace downpour::testing {
namespace {

absl::StatusOr<Layer> ResolveGolden(const GoldenCase& golden) {
  std::vector<LayerInput> inputs;
  for (const GoldenInput& input : golden.inputs) {
    absl::StatusOr<TensorType> type = MakeTensorType(input.dims, input.element_type);
    if (!type.ok()) return type.status();
    inputs.push_back({"input" + std::to_string(inputs.size()), *type});
  }
  return ResolveLayer(golden.layer, std::move(inputs));
}

// One layer's kernel with all memory that it asks for.
class KernelRun {
 public:
  KernelRun(const GoldenDevice& on, Device& device, const GoldenCase& golden, const Layer& layer)
      : device_(device), golden_(golden), compute_(on.compute) {
    parameter_dtype_ = compute_ == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
    spec_.chain = {&layer};
    spec_.compute = compute_;
    spec_.batch_max = golden.batch;
    for (size_t i = 0; i < golden.inputs.size(); ++i)
      spec_.input_gradients.push_back(golden.input_gradients.contains(i));
  }

  absl::Status Run() {
    absl::StatusOr<std::unique_ptr<Kernel>> kernel = device_.CreateKernel(spec_);
    if (!kernel.ok()) return kernel.status();
    AllocateTensors((*kernel)->needs());
    if ((*kernel)->needs().prepared > 0) (*kernel)->Prepare(Views(parameters_), prepared_.data(), workspace_.data());
    Forward(**kernel);
    if (!golden_.evaluate) Backward(**kernel);
    return device_.Synchronize();
  }

  void Compare(double tolerance) {
    if (golden_.loss) {
      LossResult loss;
      device_.CopyOut(Queue::kCompute, &loss, loss_.data(), sizeof(loss));
      ASSERT_TRUE(device_.Synchronize().ok());
      ExpectGolden({loss.loss}, {golden_.loss->loss}, tolerance, "loss");
      EXPECT_EQ(loss.correct, golden_.loss->correct);
    } else {
      ExpectGolden(NumbersOf(device_, compute_, output_.data(), golden_.output.size()), golden_.output, tolerance,
                   "output");
    }
    for (const auto& [i, want] : golden_.input_gradients) {
      ExpectGolden(NumbersOf(device_, compute_, input_gradients_[i].data(), want.size()), want, tolerance,
                   "gradient of input " + std::to_string(i));
    }
    for (size_t j = 0; j < golden_.parameters.size(); ++j) {
      const auto want = golden_.parameter_gradients.find(golden_.parameters[j].name);
      if (want == golden_.parameter_gradients.end()) continue;
      ExpectGolden(NumbersOf(device_, parameter_dtype_, parameter_gradients_[j].data(), want->second.size()),
                   want->second, tolerance, "gradient of " + want->first);
    }
  }

 private:
  static std::vector<const void*> Views(const std::vector<Buffer>& buffers) {
    std::vector<const void*> views;
    for (const Buffer& buffer : buffers) views.push_back(buffer.data());
    return views;
  }
  static std::vector<void*> WritableViews(const std::vector<Buffer>& buffers) {
    std::vector<void*> views;
    for (const Buffer& buffer : buffers) views.push_back(buffer.data());
    return views;
  }

  void AllocateTensors(const KernelNeeds& needs) {
    for (size_t i = 0; i < golden_.inputs.size(); ++i) {
      const bool real = golden_.inputs[i].element_type == ElementType::kReal;
      inputs_.push_back(real ? DeviceNumbers(device_, compute_, GoldenInputNumbers(golden_, i))
                             : DeviceIndices(device_, GoldenInputIndices(golden_, i)));
      input_gradients_.push_back(DeviceBytes(device_, spec_.input_gradients[i] ? inputs_.back().size() : 0));
    }
    for (size_t j = 0; j < golden_.parameters.size(); ++j) {
      parameters_.push_back(DeviceNumbers(device_, parameter_dtype_, GoldenParameterNumbers(golden_, j)));
      parameter_gradients_.push_back(DeviceBytes(device_, parameters_.back().size()));
    }
    output_ = DeviceBytes(device_, golden_.output.size() * DTypeSize(compute_));
    output_gradient_ = DeviceNumbers(device_, compute_, GoldenOutputGradient(golden_));
    loss_ = DeviceBytes(device_, sizeof(LossResult));
    random_ = DeviceBytes(device_, sizeof(StepRandom));
    device_.Zero(Queue::kCompute, random_.data(), sizeof(StepRandom));
    prepared_ = DeviceBytes(device_, needs.prepared);
    saved_ = DeviceBytes(device_, needs.saved);
    workspace_ = DeviceBytes(device_, needs.workspace);
  }

  void Forward(Kernel& kernel) {
    const std::vector<const void*> inputs = Views(inputs_);
    const std::vector<const void*> parameters = Views(parameters_);
    const std::vector<void*> gradients = WritableViews(parameter_gradients_);
    ForwardCall call;
    call.mode = golden_.evaluate ? Mode::kEvaluate : Mode::kTrain;
    call.batch = golden_.batch;
    call.inputs = inputs;
    call.output = golden_.loss ? nullptr : output_.data();
    call.loss = golden_.loss ? loss_.As<LossResult>() : nullptr;
    call.parameters = parameters;
    call.parameter_gradients = gradients;
    call.prepared = prepared_.data();
    call.saved = saved_.data();
    call.workspace = workspace_.data();
    call.random = random_.As<StepRandom>();
    kernel.Forward(call);
  }

  // What backward says that it does not read is not given to it.
  void Backward(Kernel& kernel) {
    std::vector<const void*> inputs = Views(inputs_);
    if (!kernel.needs().backward_reads_inputs) inputs.assign(inputs.size(), nullptr);
    const std::vector<void*> input_gradients = WritableViews(input_gradients_);
    const std::vector<const void*> parameters = Views(parameters_);
    const std::vector<void*> gradients = WritableViews(parameter_gradients_);
    const auto accumulate = std::make_unique<bool[]>(inputs.size());
    BackwardCall call;
    call.batch = golden_.batch;
    call.inputs = inputs;
    call.output = golden_.loss || !kernel.needs().backward_reads_output ? nullptr : output_.data();
    call.output_gradient = golden_.loss ? nullptr : output_gradient_.data();
    call.input_gradients = input_gradients;
    call.accumulate = std::span<const bool>(accumulate.get(), inputs.size());
    call.parameters = parameters;
    call.parameter_gradients = gradients;
    call.prepared = prepared_.data();
    call.saved = saved_.data();
    call.workspace = workspace_.data();
    call.random = random_.As<StepRandom>();
    kernel.Backward(call);
  }

  Device& device_;
  const GoldenCase& golden_;
  const DType compute_;
  DType parameter_dtype_ = DType::kFloat32;
  KernelSpec spec_;
  std::vector<Buffer> inputs_, input_gradients_, parameters_, parameter_gradients_;
  Buffer output_, output_gradient_, loss_, random_, prepared_, saved_, workspace_;
};

}  // namespace

TEST_P(LayerGoldenTest, ForwardAndBackwardAreThoseOfPyTorch) {
  const auto& [on, golden] = GetParam();
  absl::StatusOr<std::unique_ptr<Device>> device = on.make();
  ASSERT_TRUE(device.ok()) << device.status();
  const absl::StatusOr<Layer> layer = ResolveGolden(golden);
  ASSERT_TRUE(layer.ok()) << layer.status();
  ASSERT_EQ(layer->parameters.size(), golden.parameters.size());
  for (size_t j = 0; j < golden.parameters.size(); ++j) {
    const ParameterSpec& parameter = layer->parameters[j];
    EXPECT_EQ(parameter.name, golden.name + "/" + golden.parameters[j].name);
    EXPECT_TRUE(std::ranges::equal(parameter.shape.dims(), golden.parameters[j].dims)) << parameter.shape;
  }
  if (!golden.loss) {
    ASSERT_EQ(layer->output.elements * golden.batch, static_cast<int64_t>(golden.output.size()));
  }

  KernelRun run(on, **device, golden, *layer);
  ASSERT_EQ(run.Run(), absl::OkStatus());
  run.Compare(on.tolerance);
}

}  // namespace downpour::testing
