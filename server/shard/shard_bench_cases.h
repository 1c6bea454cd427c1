#ifndef DOWNPOUR_SERVER_SHARD_SHARD_BENCH_CASES_H_
#define DOWNPOUR_SERVER_SHARD_SHARD_BENCH_CASES_H_

#include <cstddef>
#include <functional>
#include <vector>

#include "common/base/interleaved.h"

namespace downpour {

struct ShardBenchOptions {
  size_t shards = 25;         // of the table
  size_t elements = 1 << 20;  // of a shard
  int rounds = 9;
  // Called with each line as soon as it is known; may be empty.
  std::function<void(const BenchLine&)> on_line;
};

// What a pushed and a pulled table cost at its shards, without any transport: with the checks, the policy, the windows.
// Needs memory for the table three times.
//   pull/memory/<MiB>MiB/1           references to a whole table, beside a copy of it
//   push/memory/<MiB>MiB/1           SGD, contiguous gradient, beside the bare passes over it: the finite check and a
//                                    loop that reads a gradient and updates weights
//   push_slices/memory/<MiB>MiB/1    gradient in slices of 1 MiB cut at odd bytes, beside the contiguous one
//   push_read/memory/<MiB>MiB/1      while a reader holds every block, so that none is written in place, beside pushes
//                                    in place
//   push/memory/<MiB>MiB/2           two threads with shards of their own, beside one thread
//   copy/memory/<MiB>MiB/2           two threads that copy memory, beside one: what the machine allows
std::vector<BenchLine> RunShardBench(const ShardBenchOptions& options);

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SHARD_SHARD_BENCH_CASES_H_
