#ifndef DOWNPOUR_SERVER_STORE_DENSE_SHARD_H_
#define DOWNPOUR_SERVER_STORE_DENSE_SHARD_H_

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/block_array.h"
#include "server/store/block_pool.h"
#include "server/store/initializer.h"
#include "server/store/table.h"

namespace downpour {

// What a dense shard is made of.
struct DenseShardSpec {
  uint64_t first_element = 0;     // of the range, within its table
  uint64_t element_count = 0;     // at least 1
  std::vector<float> slots = {};  // what each slot starts from; at most kSlotsMax
  bool average = false;           // starts as a copy of the weights
};

// A range of a dense tensor.
class DenseShard : public TableShard {
 public:
  // Allocates everything and fills it in. RESOURCE_EXHAUSTED if the pool has no more. `pool` must outlive the shard.
  static absl::StatusOr<std::unique_ptr<DenseShard>> Create(const DenseShardSpec& spec, const Initializer& initializer,
                                                            BlockPool* pool);

  size_t element_count() const override { return weights_.element_count(); }
  size_t bytes() const override;
  bool has_average() const override { return average_.has_value(); }
  Snapshot Weights() const override { return weights_.current(); }
  Snapshot Average() const override { return average_->current(); }
  absl::StatusOr<std::span<const UpdateArrays>> BeginUpdate(const Snapshot* pulled) override;
  Committed CommitUpdate() override;
  void AbandonUpdate() override;
  uint64_t Hash(uint64_t seed) const override;

 private:
  explicit DenseShard(BlockArray weights) : weights_(std::move(weights)) {}

  // Calls `visit` with every array there is.
  template <typename Self, typename Visit>
  static void ForEach(Self& self, Visit visit);

  BlockArray weights_;
  std::vector<BlockArray> slots_;
  std::optional<BlockArray> average_;
  std::vector<UpdateArrays> arrays_;  // one for each block, of the update that has begun
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_STORE_DENSE_SHARD_H_
