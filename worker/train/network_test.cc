// A network on devices of each kind of memory, and on towers: all compute the same.
#include "worker/train/network.h"

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/philox.h"
#include "gtest/gtest.h"
#include "worker/device/cpu/lane.h"
#include "worker/device/reference/reference_device.h"
#include "worker/train/device_network.h"
#include "worker/train/tower_network.h"

namespace downpour {
namespace {

constexpr char kModel[] = R"(
  input { name: "images" shape: [6, 6, 2] }
  input { name: "labels" dtype: INT32 }
  layer { name: "conv" input: "images" conv2d { filters: 4 kernel: 3 padding: SAME } }
  layer { name: "relu" relu {} }
  layer { name: "flat" flatten {} }
  layer { name: "logits" dense { units: 3 } }
  layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy {} }
)";
constexpr ModelInputs kInputs = {.examples = 0, .labels = 1};
constexpr int64_t kBatch = 7;

std::shared_ptr<const Graph> MakeGraph() {
  return std::make_shared<const Graph>(Graph::FromText(kModel, "model").value());
}

HostBatch MakeBatch() {
  HostBatch batch;
  batch.size = kBatch;
  batch.examples = AlignedBuffer::Allocate(kBatch * 72 * sizeof(float)).value();
  batch.labels = AlignedBuffer::Allocate(kBatch * sizeof(int32_t)).value();
  PhiloxStream random(1, 0);
  for (float& value : batch.examples.Elements<float>()) value = static_cast<float>(Uniform01Double(random()) - 0.5);
  for (int32_t& label : batch.labels.Elements<int32_t>()) label = static_cast<int32_t>(random() % 3);
  return batch;
}

struct Outcome {
  BatchLoss train;
  BatchLoss judged;
  std::vector<std::vector<float>> gradients;  // as they were when they were called complete
};

Outcome RunOn(Network& network) {
  Outcome outcome;
  outcome.gradients.resize(network.parameter_count());
  PhiloxStream random(2, 0);
  for (size_t p = 0; p < network.parameter_count(); ++p) {
    for (float& weight : network.weights(p)) weight = static_cast<float>(Uniform01Double(random()) - 0.5);
  }
  network.WeightsChanged();
  const HostBatch batch = MakeBatch();
  const auto trained = network.Train(batch, 0, [&](size_t p) {
    const std::span<const float> gradient = network.gradient(p);
    outcome.gradients[p].assign(gradient.begin(), gradient.end());
  });
  EXPECT_TRUE(trained.ok()) << trained.status();
  if (trained.ok()) outcome.train = *trained;
  const auto judged = network.Evaluate(batch);
  EXPECT_TRUE(judged.ok()) << judged.status();
  if (judged.ok()) outcome.judged = *judged;
  return outcome;
}

void ExpectSame(const Outcome& a, const Outcome& b) {
  EXPECT_EQ(a.train.examples, kBatch);
  EXPECT_EQ(b.train.examples, kBatch);
  EXPECT_NEAR(a.train.loss, b.train.loss, 1e-5);
  EXPECT_NEAR(a.judged.loss, b.judged.loss, 1e-5);
  EXPECT_EQ(a.judged.correct, b.judged.correct);
  ASSERT_EQ(a.gradients.size(), b.gradients.size());
  for (size_t p = 0; p < a.gradients.size(); ++p) {
    ASSERT_EQ(a.gradients[p].size(), b.gradients[p].size()) << p;
    for (size_t i = 0; i < a.gradients[p].size(); ++i) EXPECT_NEAR(a.gradients[p][i], b.gradients[p][i], 1e-5) << p;
  }
}

std::unique_ptr<DeviceNetwork> OnLane() {
  return DeviceNetwork::Create(MakeGraph(), kInputs, CreateLane("cpu:0"), {.batch_max = kBatch}).value();
}

TEST(NetworkTest, ADeviceWithMemoryOfItsOwnComputesTheSame) {
  auto on_reference =
      DeviceNetwork::Create(MakeGraph(), kInputs, MakeReferenceDevice({.deferred = true}), {.batch_max = kBatch});
  ASSERT_TRUE(on_reference.ok()) << on_reference.status();
  ExpectSame(RunOn(*OnLane()), RunOn(**on_reference));
}

TEST(NetworkTest, TowersShareABatchThatTheyCannotShareEvenly) {
  for (const size_t towers : {2, 3, 9}) {  // 9: two of them have nothing to do
    auto network = TowerNetwork::Create(MakeGraph(), kInputs, towers, [](size_t) {
      return DeviceNetwork::Create(MakeGraph(), kInputs, CreateLane("cpu:0"), {.batch_max = kBatch});
    });
    ASSERT_TRUE(network.ok()) << network.status();
    ExpectSame(RunOn(*OnLane()), RunOn(**network));
  }
}

TEST(NetworkTest, ATowerThatCannotBeMadeIsTheError) {
  const auto network =
      TowerNetwork::Create(MakeGraph(), kInputs, 2, [](size_t tower) -> absl::StatusOr<std::unique_ptr<DeviceNetwork>> {
        if (tower == 1) return absl::ResourceExhaustedError("no memory");
        return DeviceNetwork::Create(MakeGraph(), kInputs, CreateLane("cpu:0"), {.batch_max = kBatch});
      });
  EXPECT_EQ(network.status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(NetworkTest, TheFirstValueThatIsNotFiniteIsNamed) {
  auto network = OnLane();
  HostBatch batch = MakeBatch();
  batch.examples.Elements<float>()[5] = std::nanf("");
  EXPECT_EQ(network->FindNonFinite(batch, 0).value(), "input images");
}

TEST(NetworkTest, ABatchWithFewerNumbersThanItSaysIsRefused) {
  auto network = OnLane();
  HostBatch batch = MakeBatch();
  batch.examples = AlignedBuffer::Allocate(8).value();
  EXPECT_FALSE(network->Train(batch, 0, nullptr).ok());
}

}  // namespace
}  // namespace downpour
