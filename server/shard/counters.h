#ifndef DOWNPOUR_SERVER_SHARD_COUNTERS_H_
#define DOWNPOUR_SERVER_SHARD_COUNTERS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "server/shard/refusal.h"

namespace downpour {

// How stale applied pushes were: exact up to 63, then one bucket for each power of two, [64, 128), [128, 256), ...
struct StalenessHistogram {
  static constexpr size_t kExact = 64;
  static constexpr size_t kBuckets = kExact + 58;

  std::array<uint64_t, kBuckets> counts = {};
  uint64_t sum = 0;  // of staleness, for the mean; saturates

  static size_t BucketOf(uint64_t staleness);
  static uint64_t LowerBound(size_t bucket);  // the smallest staleness of a bucket

  void Add(uint64_t staleness);
};

// What a shard has done since it was made. Counts pushes once, however often they were sent, unless said otherwise.
struct ShardCounters {
  uint64_t version = 0;  // updates applied to the weights
  uint64_t pushes_applied = 0;
  uint64_t pushes_dropped = 0;  // came too late for their step
  uint64_t pushes_fenced = 0;   // held, and thrown away because their worker joined again
  uint64_t pushes_held = 0;     // now
  uint64_t push_bytes = 0;      // gradient bytes of pushes applied
  uint64_t duplicates = 0;      // pushes that had been sent before
  uint64_t uncompensated = 0;   // delay compensation was wanted, but the weights they came from were gone
  uint64_t pulls_answered = 0;
  uint64_t pulls_waiting = 0;  // now
  uint64_t pull_bytes = 0;
  uint64_t blocks_copied = 0;  // written to a fresh block because a reader held the old one
  uint64_t blocks_in_place = 0;
  std::array<uint64_t, kRefusalReasonCount> refusals = {};  // of pushes, pulls and joins, by RefusalReason
  StalenessHistogram staleness;                             // of pushes applied, at their arrival

  uint64_t refused(RefusalReason reason) const { return refusals[static_cast<size_t>(reason)]; }
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SHARD_COUNTERS_H_
