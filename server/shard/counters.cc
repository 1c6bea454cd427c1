#include "server/shard/counters.h"

#include <bit>
#include <limits>

namespace downpour {

size_t StalenessHistogram::BucketOf(uint64_t staleness) {
  if (staleness < kExact) return staleness;
  return kExact + std::bit_width(staleness) - std::bit_width(uint64_t{kExact});
}

uint64_t StalenessHistogram::LowerBound(size_t bucket) {
  if (bucket < kExact) return bucket;
  return uint64_t{kExact} << (bucket - kExact);
}

void StalenessHistogram::Add(uint64_t staleness) {
  ++counts[BucketOf(staleness)];
  const uint64_t room = std::numeric_limits<uint64_t>::max() - sum;
  sum += staleness < room ? staleness : room;
}

}  // namespace downpour
