#include "server/store/dense_shard.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"

namespace downpour {

template <typename Self, typename Visit>
void DenseShard::ForEach(Self& self, Visit visit) {
  visit(self.weights_);
  for (auto& slot : self.slots_) visit(slot);
  if (self.average_.has_value()) visit(*self.average_);
}

absl::StatusOr<std::unique_ptr<DenseShard>> DenseShard::Create(const DenseShardSpec& spec,
                                                               const Initializer& initializer, BlockPool* pool) {
  if (spec.element_count == 0) return absl::InvalidArgumentError("a shard has no elements");
  if (spec.slots.size() > static_cast<size_t>(kSlotsMax)) {
    return absl::InvalidArgumentError(absl::StrCat("a shard has ", spec.slots.size(), " slots"));
  }
  const size_t array_count = 1 + spec.slots.size() + (spec.average ? 1 : 0);
  std::vector<BlockArray> arrays;
  while (arrays.size() < array_count) {
    std::optional<BlockArray> array = BlockArray::Create(pool, spec.element_count);
    if (!array.has_value()) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no memory for a shard of ", spec.element_count, " elements with ", spec.slots.size(),
                       " slots; use more servers, or raise the limit of the block pool"));
    }
    arrays.push_back(std::move(*array));
  }

  for (size_t a = 0; a < arrays.size(); ++a) {
    for (size_t i = 0; i < arrays[a].block_count(); ++i) {
      float* const values = arrays[a].current().blocks[i]->data();
      const size_t count = arrays[a].BlockSize(i);
      if (a == 0) {
        initializer.Fill(spec.first_element + i * kBlockElements, {values, count});
      } else if (a <= spec.slots.size()) {
        std::fill_n(values, count, spec.slots[a - 1]);
      } else {
        std::memcpy(values, arrays[0].current().blocks[i]->data(), count * sizeof(float));
      }
    }
  }

  std::unique_ptr<DenseShard> shard(new DenseShard(std::move(arrays[0])));
  for (size_t a = 1; a <= spec.slots.size(); ++a) shard->slots_.push_back(std::move(arrays[a]));
  if (spec.average) shard->average_ = std::move(arrays.back());
  shard->arrays_.resize(shard->weights_.block_count());
  return shard;
}

size_t DenseShard::bytes() const {
  size_t bytes = 0;
  ForEach(*this, [&](const BlockArray& array) { bytes += array.element_count() * sizeof(float); });
  return bytes;
}

absl::StatusOr<std::span<const UpdateArrays>> DenseShard::BeginUpdate(const Snapshot* pulled) {
  bool room = true;
  ForEach(*this, [&](BlockArray& array) { room = room && array.BeginUpdate(); });
  if (!room) {
    AbandonUpdate();
    return absl::ResourceExhaustedError(
        "no memory to write an update to while readers hold the old weights; send it again later");
  }
  for (size_t i = 0; i < arrays_.size(); ++i) {
    UpdateArrays& arrays = arrays_[i];
    arrays = {};
    arrays.count = weights_.BlockSize(i);
    arrays.weight_in = weights_.in(i);
    arrays.weight_out = weights_.out(i);
    for (size_t s = 0; s < slots_.size(); ++s) {
      arrays.slot_in[s] = slots_[s].in(i);
      arrays.slot_out[s] = slots_[s].out(i);
    }
    if (average_.has_value()) {
      arrays.average_in = average_->in(i);
      arrays.average_out = average_->out(i);
    }
    if (pulled != nullptr) arrays.weight_pulled = pulled->block(i).data();
  }
  return std::span<const UpdateArrays>(arrays_);
}

TableShard::Committed DenseShard::CommitUpdate() {
  Committed committed;
  ForEach(*this, [&](BlockArray& array) {
    const size_t copied = array.CommitUpdate();
    committed.blocks_copied += copied;
    committed.blocks_in_place += array.block_count() - copied;
  });
  return committed;
}

void DenseShard::AbandonUpdate() {
  ForEach(*this, [](BlockArray& array) { array.AbandonUpdate(); });
}

uint64_t DenseShard::Hash(uint64_t seed) const {
  ForEach(*this, [&](const BlockArray& array) {
    for (size_t i = 0; i < array.block_count(); ++i) seed = Hash64(std::as_bytes(array.current().block(i)), seed);
  });
  return seed;
}

}  // namespace downpour
