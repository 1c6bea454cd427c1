// The audit of exactly-once: what was pushed and what the clients were told, held against the weights in the end.
//
// The job under test: all tables initialised to zeros, `sgd { learning_rate: 1 }`, a policy that applies each push
// alone (async). Each push to a table is -1 at every element, but -(1 + kMark) at one element of each shard that is
// this push's own. So afterwards an element of a shard that n pushes have been applied to is n, plus kMark for each
// time that its own push was applied: which pushes are in the weights, how often, and whether one is in there only in
// part, can be read off. All values are integers below 2^24, hence sums are exact in float32 in any order.
#ifndef DOWNPOUR_TESTS_DATA_PLANE_LEDGER_H_
#define DOWNPOUR_TESTS_DATA_PLANE_LEDGER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/sharding/shard_map.h"

namespace downpour {

// Thread-safe: many clients may share one.
class Ledger {
 public:
  // What a client was told of a push to one shard.
  enum class Fate : uint8_t {
    kUnknown,     // nothing: it may be in the weights, once
    kApplied,     // it is in the weights, exactly once
    kNotApplied,  // refused, dropped, or never sent: it is not in the weights
  };

  static constexpr float kMark = 4096;

  // Of the float32 tables of `map`.
  explicit Ledger(const ShardMap& map);

  // One push to a table, from now on. Its fate is unknown in each shard.
  struct Push {
    TableIndex table = 0;
    uint32_t index = 0;  // among the pushes to that table
  };

  // Nothing when the table has no more room: at most one push for each element of its smallest shard, and kMark - 1.
  // Shards of one element have room for one push only.
  std::optional<Push> Add(TableIndex table);

  // The gradient of the whole table. Requires a push that Add returned.
  std::vector<float> GradientOf(Push push) const;

  // What the client was told of the push, in one shard or in all shards of its table.
  void Record(Push push, ShardId shard, Fate fate);
  void Record(Push push, Fate fate);

  // Holds the final weights of a whole table against the ledger. The error names the shard, and the push or the element
  // that is wrong.
  absl::Status Audit(TableIndex table, std::span<const float> weights) const;

  // Over all tables, shard by shard.
  struct Counts {
    uint64_t applied = 0;
    uint64_t not_applied = 0;
    uint64_t unknown = 0;
  };
  Counts counts() const;

 private:
  struct Shard {
    ShardId id = 0;
    uint64_t first_element = 0;
    uint64_t element_count = 0;
    std::vector<Fate> fates;  // by push
  };
  struct Table {
    uint64_t element_count = 0;
    uint32_t pushes_max = 0;
    uint32_t pushes = 0;
    std::vector<Shard> shards;
  };

  static absl::Status AuditShard(const Shard& shard, std::span<const float> weights);

  mutable Mutex mutex_;
  std::vector<Table> tables_ DP_GUARDED_BY(mutex_);
};

}  // namespace downpour

#endif  // DOWNPOUR_TESTS_DATA_PLANE_LEDGER_H_
