// What UsesWinograd rests on: a step of a convolution, prepared, forward and backward, by Winograd and by oneDNN.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "common/base/interleaved.h"
#include "common/tensor/aligned_buffer.h"
#include "kernels/kernels.h"
#include "worker/device/cpu/convolution_kernel.h"
#include "worker/device/cpu/lane_context.h"
#include "worker/device/cpu/linear_kernel.h"
#include "worker/device/cpu/widened_kernel.h"
#include "worker/models/graph.h"

ABSL_FLAG(bool, json, false, "Print one JSON object for each case instead of a table.");
ABSL_FLAG(bool, bfloat16, false, "Tensors in bfloat16: oneDNN computes in it, Winograd in float32.");
ABSL_FLAG(int64_t, batch, 128, "Images of a step.");
ABSL_FLAG(int, rounds, 7, "Rounds, of which the median counts.");

namespace downpour {
namespace {

struct Shape {
  int64_t size, channels, filters, kernel;
  bool input_gradient = true;
};

// Those of the shipped models, and what lies around them.
constexpr Shape kShapes[] = {
    {24, 3, 64, 5, false}, {32, 3, 64, 5, false}, {12, 64, 64, 5},       {16, 64, 64, 5}, {28, 1, 6, 5, false},
    {14, 6, 16, 5},        {28, 1, 32, 5, false}, {28, 1, 32, 3, false}, {14, 32, 64, 3}, {32, 3, 16, 3, false},
    {32, 16, 16, 3},       {16, 32, 32, 3},       {8, 64, 64, 3},        {56, 64, 64, 3}, {14, 256, 256, 3},
    {7, 512, 512, 3},      {32, 8, 8, 3},         {32, 4, 4, 3},         {32, 16, 64, 3}, {32, 64, 16, 3},
    {32, 5, 5, 3},         {32, 8, 16, 3},        {32, 16, 8, 3},        {32, 12, 12, 3}, {32, 8, 32, 3},
    {32, 32, 8, 3},        {16, 48, 48, 3},       {16, 8, 8, 5},         {16, 16, 16, 5}, {5, 64, 64, 5},
    {6, 32, 32, 3},
};

using Make = std::function<absl::StatusOr<std::unique_ptr<Kernel>>(const KernelSpec&, LaneContext*)>;

// A kernel with everything it works on.
class Contender {
 public:
  Contender(const Layer& layer, bool input_gradient, const Make& make)
      : batch_(absl::GetFlag(FLAGS_batch)), lane_{nn::BestNnKernels(), BestKernels(), {}, {}} {
    const KernelSpec spec{.chain = {&layer},
                          .compute = absl::GetFlag(FLAGS_bfloat16) ? DType::kBFloat16 : DType::kFloat32,
                          .batch_max = batch_,
                          .input_gradients = {input_gradient}};
    kernel_ = *make(spec, &lane_);
    inputs_ = {Floats(batch_ * layer.inputs[0].elements)};
    output_ = Floats(batch_ * layer.output.elements);
    output_gradient_ = Floats(batch_ * layer.output.elements);
    input_gradients_ = {input_gradient ? Floats(batch_ * layer.inputs[0].elements) : nullptr};
    for (const ParameterSpec& parameter : layer.parameters) {
      parameters_.push_back(Floats(parameter.elements));
      gradients_.push_back(Floats(parameter.elements));
    }
    prepared_ = Floats(static_cast<int64_t>(kernel_->needs().prepared / 4 + 64));
    workspace_ = Floats(static_cast<int64_t>(kernel_->needs().workspace / 4 + 64));
  }

  void Step() {
    const bool accumulate[1] = {false};
    kernel_->Prepare(parameters_, prepared_, workspace_);
    kernel_->Forward({.batch = batch_,
                      .inputs = inputs_,
                      .output = output_,
                      .parameters = parameters_,
                      .parameter_gradients = gradients_,
                      .prepared = prepared_,
                      .workspace = workspace_});
    kernel_->Backward({.batch = batch_,
                       .inputs = inputs_,
                       .output = output_,
                       .output_gradient = output_gradient_,
                       .input_gradients = input_gradients_,
                       .accumulate = accumulate,
                       .parameters = parameters_,
                       .parameter_gradients = gradients_,
                       .prepared = prepared_,
                       .workspace = workspace_});
  }

 private:
  void* Floats(int64_t count) {
    auto buffer = AlignedBuffer::Allocate(static_cast<size_t>(count) * sizeof(float) + 256);
    float value = 0;
    for (float& element : buffer->Elements<float>()) element = value = value > 1 ? -1 : value + 0.37F;
    return memory_.emplace_back(*std::move(buffer)).data();
  }

  const int64_t batch_;
  LaneContext lane_;
  std::unique_ptr<Kernel> kernel_;
  std::vector<AlignedBuffer> memory_;
  std::vector<const void*> inputs_, parameters_;
  std::vector<void*> input_gradients_, gradients_;
  void *output_, *output_gradient_, *prepared_, *workspace_;
};

// As the lane has it: widened, in bfloat16.
absl::StatusOr<std::unique_ptr<Kernel>> MakeWinograd(const KernelSpec& spec, LaneContext* lane) {
  KernelSpec wide = spec;
  wide.compute = DType::kFloat32;
  auto kernel = MakeConvolutionKernel(wide, lane);
  if (spec.compute == DType::kFloat32 || !kernel.ok()) return kernel;
  return MakeWidenedKernel(spec, *std::move(kernel), lane);
}

void Run() {
  std::vector<BenchLine> lines;
  for (const Shape& shape : kShapes) {
    const auto graph =
        Graph::FromText(absl::StrCat("input { name: 'x' shape: [", shape.size, ", ", shape.size, ", ", shape.channels,
                                     "] } layer { name: 'conv' input: 'x' conv2d { filters: ", shape.filters,
                                     " kernel: ", shape.kernel, " padding: SAME } }"),
                        "bench");
    if (!graph.ok()) std::fprintf(stderr, "%s\n", graph.status().ToString().c_str());
    const Layer& layer = graph->layers()[0];
    Contender onednn(layer, shape.input_gradient, MakeLinearKernel);
    Contender winograd(layer, shape.input_gradient, MakeWinograd);
    const double flops =
        static_cast<double>(absl::GetFlag(FLAGS_batch)) * (layer.flops.forward + layer.flops.backward_parameters +
                                                           (shape.input_gradient ? layer.flops.backward_inputs : 0));
    constexpr double kRoundFlops = 5e9;
    const int repeats = 1 + static_cast<int>(kRoundFlops / flops);
    const auto repeat = [repeats](Contender& contender) {
      return [&contender, repeats] {
        for (int i = 0; i < repeats; ++i) contender.Step();
      };
    };
    const std::vector<Timing> timings =
        RunInterleaved({{"onednn", repeat(onednn)}, {"winograd", repeat(winograd)}}, absl::GetFlag(FLAGS_rounds));
    const auto rate = [&](const Timing& timing) { return flops * repeats / timing.seconds / 1e9; };
    lines.push_back(
        {.bench = "convolution",
         .case_name = absl::StrCat(shape.size, "x", shape.size, "/", shape.channels, "->", shape.filters, "/",
                                   shape.kernel, "x", shape.kernel),
         .metric = UsesWinograd(*layer.As<Conv2D>(), absl::GetFlag(FLAGS_bfloat16) ? DType::kBFloat16 : DType::kFloat32)
                       ? "chosen"
                       : "not_chosen",
         .value = rate(timings[1]),
         .unit = "GFLOP/s",
         .reference = "onednn",
         .reference_value = rate(timings[0]),
         .ratio = timings[1].ratio,
         .rounds = absl::GetFlag(FLAGS_rounds)});
    if (absl::GetFlag(FLAGS_json)) std::printf("%s\n", ToJson(lines.back()).c_str());
  }
  if (!absl::GetFlag(FLAGS_json)) std::printf("kernels: %s\n%s", BestKernels().Name(), ToTable(lines).c_str());
}

}  // namespace
}  // namespace downpour

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Measures a step of convolutions by Winograd beside oneDNN's, counting the operations of a plain convolution.");
  absl::ParseCommandLine(argc, argv);
  downpour::Run();
  return 0;
}
