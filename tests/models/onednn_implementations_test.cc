// No operation of a model that comes with Downpour falls to one of oneDNN's scalar references, which are a hundred
// times slower and look the same from outside: by what oneDNN itself says of each primitive that it runs.
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "deploy/models/shipped_models.h"
#include "dnnl.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/device/devices.h"
#include "worker/models/graph.h"
#include "worker/models/program.h"

namespace downpour {
namespace {

constexpr int64_t kBatch = 8;

struct Executed {
  std::string primitive;       // "convolution"
  std::string implementation;  // "brgconv:avx512_core"
  std::string line;
};

// Trains two steps, the second with a smaller batch, and evaluates, with oneDNN telling what it runs.
std::vector<Executed> PrimitivesOf(const ShippedModel& model, DType compute) {
  auto graph = Graph::FromText(std::string(model.text), std::string(model.name));
  EXPECT_TRUE(graph.ok()) << graph.status();
  const auto device = *CreateDevice("cpu:0");
  auto program = Program::Create(std::make_shared<const Graph>(*std::move(graph)), device.get(),
                                 {.compute = compute, .batch_max = kBatch});
  EXPECT_TRUE(program.ok()) << program.status();

  device->Zero(Queue::kCompute, (*program)->weights_block(), (*program)->block_bytes());
  (*program)->WeightsChanged();
  std::vector<Buffer> inputs;
  Batch batch{.size = kBatch};
  for (const Graph::Tensor& input : (*program)->graph().inputs()) {
    const size_t bytes = static_cast<size_t>(kBatch * input.type.elements) * 4;
    inputs.push_back(*device->Allocate(bytes, "a test"));
    device->Zero(Queue::kCompute, inputs.back().data(), bytes);
    batch.inputs.push_back(inputs.back().data());
  }

  testing::internal::CaptureStdout();
  dnnl_set_verbose(1);
  EXPECT_TRUE((*program)->Train(batch, 0).ok());
  batch.size = 3;
  EXPECT_TRUE((*program)->Train(batch, 1).ok());
  EXPECT_TRUE((*program)->Evaluate(batch).ok());
  EXPECT_TRUE((*program)->Result().ok());
  dnnl_set_verbose(0);
  std::fflush(stdout);
  std::istringstream told(testing::internal::GetCapturedStdout());

  std::vector<Executed> executed;
  for (std::string line; std::getline(told, line);) {
    const std::vector<std::string> fields = absl::StrSplit(line, ',');
    if (fields.size() > 5 && fields[1] == "exec") executed.push_back({fields[3], fields[4], line});
  }
  return executed;
}

class OneDnn : public testing::TestWithParam<ShippedModel> {};

TEST_P(OneDnn, NeverRunsAScalarReference) {
  for (const DType compute : {DType::kFloat32, DType::kBFloat16}) {
    const std::vector<Executed> executed = PrimitivesOf(GetParam(), compute);
    EXPECT_THAT(executed, testing::Contains(testing::Field(&Executed::primitive, "inner_product")))
        << "every model ends in a dense layer: has oneDNN changed what it tells?";
    for (const Executed& one : executed)
      EXPECT_THAT(one.implementation, testing::Not(testing::HasSubstr("ref"))) << one.line;
  }
}

INSTANTIATE_TEST_SUITE_P(All, OneDnn, testing::ValuesIn(ShippedModels().begin(), ShippedModels().end()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace downpour
