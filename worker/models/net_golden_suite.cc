#include "worker/models/net_golden_suite.h"

#include <cstddef>
#include <cstdint>

#include "worker/models/device_tensor.h"
#include "worker/models/graph.h"
#include "worker/models/program.h"

namespace downpour::testing {

TEST_P(NetGoldenTest, LossOutputAndAllGradientsAreThoseOfPyTorch) {
  const auto& [on, golden] = GetParam();
  absl::StatusOr<std::unique_ptr<Device>> device = on.make();
  ASSERT_TRUE(device.ok()) << device.status();
  absl::StatusOr<Graph> graph = Graph::FromConfig(golden.model);
  ASSERT_TRUE(graph.ok()) << graph.status();
  absl::StatusOr<std::unique_ptr<Program>> created =
      Program::Create(std::make_shared<const Graph>(*std::move(graph)), device->get(),
                      {.compute = on.compute, .batch_max = golden.batch, .fuse = on.fuse});
  ASSERT_TRUE(created.ok()) << created.status();
  Program& program = **created;

  ASSERT_EQ(program.graph().parameters().size(), golden.parameters.size());
  const DType parameter_dtype = program.parameter_dtype();
  for (size_t j = 0; j < golden.parameters.size(); ++j) {
    ASSERT_EQ(program.graph().parameters()[j].spec->name, golden.parameters[j].name);
    const Buffer values = DeviceNumbers(**device, parameter_dtype, GoldenParameterNumbers(golden, j));
    (*device)->Copy(Queue::kCompute, program.weights(j), values.data(), values.size());
    ASSERT_EQ((*device)->Synchronize(), absl::OkStatus());
  }
  program.WeightsChanged();

  std::vector<Buffer> inputs;
  Batch batch = {.size = golden.batch};
  for (size_t i = 0; i < golden.inputs.size(); ++i) {
    const bool real = golden.inputs[i].element_type == ElementType::kReal;
    inputs.push_back(real ? DeviceNumbers(**device, on.compute, GoldenInputNumbers(golden, i))
                          : DeviceIndices(**device, GoldenInputIndices(golden, i)));
    batch.inputs.push_back(inputs.back().data());
  }
  // Twice: the second time memory holds what the first left behind. The statistics are not moved in between.
  for (uint64_t step = 0; step < 2; ++step) {
    ASSERT_EQ(program.Train(batch, step), absl::OkStatus());
    const absl::StatusOr<StepResult> result = program.Result();
    ASSERT_TRUE(result.ok()) << result.status();
    ExpectGolden({result->loss}, {golden.loss->loss}, on.tolerance, "loss");
    EXPECT_EQ(result->losses[0].correct, golden.loss->correct);
    ExpectGolden(NumbersOf(**device, on.compute, program.output(0), golden.output.size()), golden.output, on.tolerance,
                 "output");
    for (size_t j = 0; j < golden.parameters.size(); ++j) {
      const std::string& name = golden.parameters[j].name;
      const std::vector<double>& want = golden.parameter_gradients.at(name);
      ExpectGolden(NumbersOf(**device, parameter_dtype, program.gradient(j), want.size()), want, on.tolerance,
                   "gradient of " + name);
    }
  }
}

}  // namespace downpour::testing
