#ifndef DOWNPOUR_COMMON_SHARDING_CUT_H_
#define DOWNPOUR_COMMON_SHARDING_CUT_H_

#include "common/sharding/shard_map.h"

namespace downpour {

// Whether both maps have the same tables, cut into the same shards, so that they can be of one job: within a job shards
// move between servers, and nothing else changes.
bool CutsAlike(const ShardMap& a, const ShardMap& b);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_SHARDING_CUT_H_
