#ifndef DOWNPOUR_TESTS_SIM_PLANTED_SHARDS_H_
#define DOWNPOUR_TESTS_SIM_PLANTED_SHARDS_H_

#include <memory>

#include "server/store/block_pool.h"
#include "tests/sim/planted_bugs.h"
#include "tests/sim/shard_port.h"

namespace downpour::sim {

// The way to the shard, with the bug in it, where it is one of a shard; otherwise straight. `pool` outlives it.
std::unique_ptr<ShardPort> MakeShardPort(Shard& shard, BlockPool& pool, Bug bug);

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_PLANTED_SHARDS_H_
