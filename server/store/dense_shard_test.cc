#include "server/store/dense_shard.h"

#include <memory>
#include <vector>

#include "common/tensor/shape.h"
#include "gtest/gtest.h"
#include "proto/initializer.pb.h"

namespace downpour {
namespace {

constexpr uint64_t kTable = 5 * kBlockElements + 100;

Initializer Uniform() {
  InitializerConfig config;
  config.mutable_uniform()->set_low(-1);
  config.mutable_uniform()->set_high(1);
  return *Initializer::Create(config, Shape(kTable), 1, "table");
}

std::unique_ptr<DenseShard> Make(BlockPool* pool, const DenseShardSpec& spec) {
  absl::StatusOr<std::unique_ptr<DenseShard>> shard = DenseShard::Create(spec, Uniform(), pool);
  EXPECT_TRUE(shard.ok()) << shard.status();
  return std::move(*shard);
}

std::vector<float> ToVector(const Snapshot& snapshot) {
  std::vector<float> values;
  for (size_t i = 0; i < snapshot.blocks.size(); ++i) {
    values.insert(values.end(), snapshot.block(i).begin(), snapshot.block(i).end());
  }
  return values;
}

// w += 1, every slot *= 2, average += 3.
void Step(DenseShard* shard, const Snapshot* pulled = nullptr) {
  const absl::StatusOr<std::span<const UpdateArrays>> blocks = shard->BeginUpdate(pulled);
  ASSERT_TRUE(blocks.ok());
  for (const UpdateArrays& block : *blocks) {
    for (size_t i = 0; i < block.count; ++i) {
      block.weight_out[i] = block.weight_in[i] + 1;
      for (int s = 0; s < kSlotsMax; ++s) {
        if (block.slot_out[s] != nullptr) block.slot_out[s][i] = block.slot_in[s][i] * 2;
      }
      if (block.average_out != nullptr) block.average_out[i] = block.average_in[i] + 3;
    }
  }
}

TEST(DenseShardTest, BeginsWithTheSameValuesHoweverItIsCut) {
  BlockPool pool;
  const std::vector<float> whole = ToVector(Make(&pool, {.element_count = kTable})->Weights());
  EXPECT_EQ(whole.size(), kTable);
  for (const uint64_t size : {uint64_t{1000}, uint64_t{kBlockElements}, kTable / 2 + 1}) {
    std::vector<float> parts;
    for (uint64_t first = 0; first < kTable; first += size) {
      const std::vector<float> part =
          ToVector(Make(&pool, {.first_element = first, .element_count = std::min(size, kTable - first)})->Weights());
      parts.insert(parts.end(), part.begin(), part.end());
    }
    EXPECT_EQ(whole, parts) << size;
  }
}

TEST(DenseShardTest, SlotsBeginAtTheirValuesAndTheAverageAtTheWeights) {
  BlockPool pool;
  const std::unique_ptr<DenseShard> shard =
      Make(&pool, {.element_count = kBlockElements + 3, .slots = {0, 0.5f}, .average = true});
  EXPECT_EQ(shard->bytes(), 4 * 4 * (kBlockElements + 3));
  EXPECT_EQ(ToVector(shard->Average()), ToVector(shard->Weights()));
  const absl::StatusOr<std::span<const UpdateArrays>> blocks = shard->BeginUpdate(nullptr);
  ASSERT_TRUE(blocks.ok());
  ASSERT_EQ(blocks->size(), 2u);
  EXPECT_EQ((*blocks)[1].count, 3u);
  EXPECT_EQ((*blocks)[0].gradient, nullptr);
  EXPECT_EQ((*blocks)[1].slot_in[0][2], 0);
  EXPECT_EQ((*blocks)[1].slot_in[1][2], 0.5f);
  EXPECT_EQ((*blocks)[0].slot_in[2], nullptr);
}

TEST(DenseShardTest, AnUpdateIsInPlaceUnlessTheWeightsAreRead) {
  BlockPool pool;
  const std::unique_ptr<DenseShard> shard =
      Make(&pool, {.element_count = 2 * kBlockElements, .slots = {1}, .average = true});
  Step(shard.get());
  TableShard::Committed committed = shard->CommitUpdate();
  EXPECT_EQ(committed.blocks_in_place, 6u);
  EXPECT_EQ(committed.blocks_copied, 0u);

  const Snapshot snapshot = shard->Weights();
  const std::vector<float> before = ToVector(snapshot);
  Step(shard.get());
  committed = shard->CommitUpdate();
  EXPECT_EQ(committed.blocks_in_place, 4u) << "slots and average are nobody's";
  EXPECT_EQ(committed.blocks_copied, 2u);
  EXPECT_EQ(ToVector(snapshot), before);
  EXPECT_EQ(shard->Weights().block(1)[7], snapshot.block(1)[7] + 1);
}

TEST(DenseShardTest, ThePulledWeightsAreHandedToTheUpdate) {
  BlockPool pool;
  const std::unique_ptr<DenseShard> shard = Make(&pool, {.element_count = kBlockElements + 1});
  const Snapshot pulled = shard->Weights();
  Step(shard.get());
  shard->CommitUpdate();
  const absl::StatusOr<std::span<const UpdateArrays>> blocks = shard->BeginUpdate(&pulled);
  ASSERT_TRUE(blocks.ok());
  EXPECT_EQ((*blocks)[1].weight_pulled, pulled.block(1).data());
  EXPECT_NE((*blocks)[1].weight_in, pulled.block(1).data());
}

TEST(DenseShardTest, TheHashSeesEveryArrayToItsLastElement) {
  BlockPool pool;
  const auto hash = [&](auto change) {
    const std::unique_ptr<DenseShard> shard =
        Make(&pool, {.element_count = kBlockElements + 3, .slots = {0, 0}, .average = true});
    const std::span<const UpdateArrays> blocks = *shard->BeginUpdate(nullptr);
    change(blocks.back());
    return shard->Hash(0);
  };
  const uint64_t same = hash([](const UpdateArrays&) {});
  EXPECT_EQ(same, hash([](const UpdateArrays&) {}));
  EXPECT_NE(same, hash([](const UpdateArrays& last) { last.weight_out[2] += 1; }));
  EXPECT_NE(same, hash([](const UpdateArrays& last) { last.slot_out[0][2] += 1; }));
  EXPECT_NE(same, hash([](const UpdateArrays& last) { last.slot_out[1][0] += 1; }));
  EXPECT_NE(same, hash([](const UpdateArrays& last) { last.average_out[1] += 1; }));
}

TEST(DenseShardTest, RefusesWhatHasNoElementsOrNoMemory) {
  BlockPool pool({.bytes_in_use_max = 3 * kBlockElements * sizeof(float)});
  EXPECT_EQ(DenseShard::Create({.element_count = 0}, Uniform(), &pool).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DenseShard::Create({.element_count = 2 * kBlockElements, .slots = {0}}, Uniform(), &pool).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(pool.statistics().blocks_in_use, 0u);

  const std::unique_ptr<DenseShard> shard = Make(&pool, {.element_count = 2 * kBlockElements});
  Snapshot snapshot = shard->Weights();
  const uint64_t before = shard->Hash(0);
  EXPECT_EQ(shard->BeginUpdate(nullptr).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(shard->Hash(0), before);
  snapshot = Snapshot();
  EXPECT_TRUE(shard->BeginUpdate(nullptr).ok());
}

}  // namespace
}  // namespace downpour
