#include "server/shard/shard_fixture.h"

#include <utility>

#include "common/tensor/shape.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "proto/initializer.pb.h"
#include "proto/optimizer.pb.h"
#include "proto/policy.pb.h"
#include "server/consistency/policy_factory.h"
#include "server/store/dense_shard.h"
#include "server/store/initializer.h"

namespace downpour::testing {
namespace {

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

}  // namespace

std::unique_ptr<Shard> MakeShard(BlockPool* pool, const ShardSetup& setup, std::unique_ptr<Policy> policy) {
  absl::StatusOr<std::unique_ptr<const Optimizer>> optimizer =
      Optimizer::Create(Parse<OptimizerConfig>(setup.optimizer));
  EXPECT_TRUE(optimizer.ok()) << optimizer.status();
  const absl::StatusOr<Initializer> initializer =
      Initializer::Create(Parse<InitializerConfig>(setup.initializer), Shape(setup.element_count), /*seed=*/1, "table");
  EXPECT_TRUE(initializer.ok()) << initializer.status();
  DenseShardSpec spec;
  spec.element_count = setup.element_count;
  for (int slot = 0; slot < (*optimizer)->slot_count(); ++slot) spec.slots.push_back((*optimizer)->slot_initial(slot));
  spec.average = (*optimizer)->has_average();
  absl::StatusOr<std::unique_ptr<DenseShard>> table = DenseShard::Create(spec, *initializer, pool);
  EXPECT_TRUE(table.ok()) << table.status();
  ShardOptions options = setup.options;
  if (options.name.empty()) options.name = "table[0, 10)";
  return std::make_unique<Shard>(std::move(options), std::move(*table), std::move(*optimizer), std::move(policy), pool);
}

std::unique_ptr<Shard> MakeShard(BlockPool* pool, const ShardSetup& setup) {
  absl::StatusOr<std::unique_ptr<Policy>> policy = MakePolicy(Parse<PolicyConfig>(setup.policy));
  EXPECT_TRUE(policy.ok()) << policy.status();
  return MakeShard(pool, setup, std::move(*policy));
}

TestPush::TestPush(std::vector<float> values, uint64_t sequence) : gradient(std::move(values)) {
  request.epoch = 1;
  request.worker = 1;
  request.incarnation = 1;
  request.sequence = sequence;
  request.clock = sequence;
  request.element_count = gradient.size();
  Slice({});
}

void TestPush::Slice(const std::vector<size_t>& bytes) {
  const std::byte* begin = reinterpret_cast<const std::byte*>(gradient.data());
  const std::byte* const end = begin + gradient.size() * sizeof(float);
  request.slices.clear();
  for (const size_t count : bytes) {
    request.slices.emplace_back(begin, count);
    begin += count;
  }
  request.slices.emplace_back(begin, end - begin);
}

std::vector<float> ToVector(const Snapshot& snapshot) {
  std::vector<float> values;
  for (size_t i = 0; i < snapshot.blocks.size(); ++i) {
    values.insert(values.end(), snapshot.block(i).begin(), snapshot.block(i).end());
  }
  return values;
}

std::vector<float> WeightsOf(const Shard& shard) { return ToVector(shard.Read(/*average=*/false)->values); }

}  // namespace downpour::testing
