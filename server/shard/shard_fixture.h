#ifndef DOWNPOUR_SERVER_SHARD_SHARD_FIXTURE_H_
#define DOWNPOUR_SERVER_SHARD_SHARD_FIXTURE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/consistency/policy.h"
#include "server/shard/shard.h"
#include "server/store/block_pool.h"

namespace downpour::testing {

// What a test's shard is made of.
struct ShardSetup {
  uint64_t element_count = 10;
  std::string optimizer = "sgd { learning_rate: 1 }";  // OptimizerConfig as text
  std::string policy = "async {}";                     // PolicyConfig as text
  std::string initializer = "zeros {}";                // InitializerConfig as text
  ShardOptions options = {};
};

// A shard from text, of a table of its own; fails the test where the text is wrong. `pool` outlives it.
std::unique_ptr<Shard> MakeShard(BlockPool* pool, const ShardSetup& setup);

// The same with a policy of the test's own.
std::unique_ptr<Shard> MakeShard(BlockPool* pool, const ShardSetup& setup, std::unique_ptr<Policy> policy);

// A push that is all right on a fresh shard on which worker 1 joined as incarnation 1, and the bytes behind it.
struct TestPush {
  explicit TestPush(std::vector<float> gradient, uint64_t sequence = 1);
  TestPush(TestPush&&) = default;  // a copy's slices would point to the original's bytes

  // The same bytes in slices that end after each of `bytes` (and the rest).
  void Slice(const std::vector<size_t>& bytes);

  std::vector<float> gradient;
  PushRequest request;
};

std::vector<float> ToVector(const Snapshot& snapshot);
std::vector<float> WeightsOf(const Shard& shard);

}  // namespace downpour::testing

#endif  // DOWNPOUR_SERVER_SHARD_SHARD_FIXTURE_H_
