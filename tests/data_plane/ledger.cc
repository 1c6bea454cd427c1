#include "tests/data_plane/ledger.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace downpour {

Ledger::Ledger(const ShardMap& map) {
  MutexLock lock(&mutex_);
  tables_.resize(map.tables().size());
  for (TableIndex index = 0; index < tables_.size(); ++index) {
    Table& table = tables_[index];
    table.element_count = map.tables()[index].element_count;
    uint64_t smallest = static_cast<uint64_t>(kMark) - 1;
    const ShardMap::Range range = map.ShardsOfTable(index);
    for (ShardId id = range.begin; id < range.end; ++id) {
      const ShardPlacement& placement = map.shards()[id];
      table.shards.push_back({id, placement.first_element, placement.element_count, {}});
      smallest = std::min(smallest, placement.element_count);
    }
    table.pushes_max = static_cast<uint32_t>(smallest);
  }
}

std::optional<Ledger::Push> Ledger::Add(TableIndex index) {
  MutexLock lock(&mutex_);
  Table& table = tables_[index];
  if (table.pushes == table.pushes_max) return std::nullopt;
  for (Shard& shard : table.shards) shard.fates.push_back(Fate::kUnknown);
  return Push{index, table.pushes++};
}

std::vector<float> Ledger::GradientOf(Push push) const {
  MutexLock lock(&mutex_);
  const Table& table = tables_[push.table];
  std::vector<float> gradient(table.element_count, -1.0f);
  for (const Shard& shard : table.shards) gradient[shard.first_element + push.index] = -(1 + kMark);
  return gradient;
}

void Ledger::Record(Push push, ShardId id, Fate fate) {
  MutexLock lock(&mutex_);
  for (Shard& shard : tables_[push.table].shards) {
    if (shard.id == id) shard.fates[push.index] = fate;
  }
}

void Ledger::Record(Push push, Fate fate) {
  MutexLock lock(&mutex_);
  for (Shard& shard : tables_[push.table].shards) shard.fates[push.index] = fate;
}

absl::Status Ledger::AuditShard(const Shard& shard, std::span<const float> weights) {
  // What each push has left at its own element: how often it was applied.
  std::vector<uint64_t> times(shard.fates.size());
  uint64_t applied = 0;
  for (size_t push = 0; push < times.size(); ++push) {
    const float weight = weights[push];
    if (!(weight >= 0 && weight < 0x1p24f) || weight != std::floor(weight)) {
      return absl::DataLossError(
          absl::StrCat("Shard ", shard.id, ": element ", push, " is ", weight, ", which no sum of whole pushes gives"));
    }
    times[push] = static_cast<uint64_t>(weight) / static_cast<uint64_t>(kMark);
    applied += times[push];
    const Fate fate = shard.fates[push];
    const bool agrees = fate == Fate::kUnknown ? times[push] <= 1 : times[push] == (fate == Fate::kApplied ? 1 : 0);
    if (!agrees) {
      return absl::DataLossError(absl::StrCat(
          "Shard ", shard.id, ": push ", push, ", of which the client was told ",
          fate == Fate::kApplied ? "that it was applied" : (fate == Fate::kUnknown ? "nothing" : "that it was not"),
          ", is in the weights ", times[push], " times"));
    }
  }
  for (uint64_t element = 0; element < shard.element_count; ++element) {
    const uint64_t own = element < times.size() ? times[element] : 0;
    const float expected = static_cast<float>(applied) + kMark * static_cast<float>(own);
    if (weights[element] != expected) {
      return absl::DataLossError(absl::StrCat("Shard ", shard.id, ": element ", element, " is ", weights[element],
                                              " and not ", expected, ": a push is in there only in part"));
    }
  }
  return absl::OkStatus();
}

absl::Status Ledger::Audit(TableIndex index, std::span<const float> weights) const {
  MutexLock lock(&mutex_);
  const Table& table = tables_[index];
  if (weights.size() != table.element_count) {
    return absl::InvalidArgumentError(
        absl::StrCat("Table ", index, " has ", table.element_count, " elements, not ", weights.size()));
  }
  for (const Shard& shard : table.shards) {
    absl::Status status = AuditShard(shard, weights.subspan(shard.first_element, shard.element_count));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

Ledger::Counts Ledger::counts() const {
  MutexLock lock(&mutex_);
  Counts counts;
  for (const Table& table : tables_) {
    for (const Shard& shard : table.shards) {
      for (const Fate fate : shard.fates) {
        ++(fate == Fate::kApplied ? counts.applied : (fate == Fate::kUnknown ? counts.unknown : counts.not_applied));
      }
    }
  }
  return counts;
}

}  // namespace downpour
