#ifndef DOWNPOUR_SERVER_STORE_TABLE_H_
#define DOWNPOUR_SERVER_STORE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/update.h"
#include "server/store/snapshot.h"

// How a server keeps a model. A *table* is a named parameter ("conv1/weights"): its name, shape and first values are in
// common/sharding/table_spec.h. It is cut into *shards*, ranges of at most 1 Mi elements that live on one server each.
// A shard's values are float32 in *blocks* of 64 Ki elements (block.h), and so are its optimizer's *slots* (velocity,
// moments, ...) and the moving *average* of the weights where the job wants one.
//
//   Shard (server/shard)      locks, checks, counts; asks optimizer and policy
//     TableShard (here)       which values there are, and where the next update reads and writes
//       BlockArray            one run of values: weights, a slot, the average
//         Block, BlockPool    counted memory
//
// A pull takes a Snapshot: references to blocks. A push writes in place the blocks that nobody else refers to and fresh
// ones instead of the others, so readers neither wait nor see half an update.

namespace downpour {

// The values of one shard. The numbers of an update are no concern of it: it says where they are read and written, the
// kernels work there, and CommitUpdate makes them current.
//
// All shards are dense today: every element exists from the start, and a gradient has a value for each of them. A
// sparse shard, whose rows appear under 64-bit keys when they are first touched, is another implementation: it takes
// the keys of a push before BeginUpdate and answers with the arrays of those rows, a row being one element of the list.
//
// Not thread-safe: the Shard that owns it has the lock. Snapshots live on their own.
class TableShard {
 public:
  virtual ~TableShard() = default;

  // Elements of the weights.
  virtual size_t element_count() const = 0;
  // Of weights, slots and average.
  virtual size_t bytes() const = 0;
  virtual bool has_average() const = 0;

  // As they are now; an update that comes later does not change them. Average() requires has_average().
  virtual Snapshot Weights() const = 0;
  virtual Snapshot Average() const = 0;

  // Finds where the next update reads and writes: arrays over consecutive runs of elements from the first to the last,
  // with `gradient` left null for the caller to fill in. `pulled`, where given, is an earlier snapshot of the weights
  // that the gradient was computed from. The span is valid until the update ends. RESOURCE_EXHAUSTED, and nothing has
  // changed, where there is no memory to write to.
  virtual absl::StatusOr<std::span<const UpdateArrays>> BeginUpdate(const Snapshot* pulled) = 0;

  // Ends an update of which every `_out` has been written, and makes it current.
  struct Committed {
    size_t blocks_in_place = 0;
    size_t blocks_copied = 0;  // written elsewhere because a snapshot held the block
  };
  virtual Committed CommitUpdate() = 0;

  // Ends an update of which nothing has been written; nothing has changed.
  virtual void AbandonUpdate() = 0;

  // Of weights, slots and average, bit for bit; the same on every machine.
  virtual uint64_t Hash(uint64_t seed) const = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_STORE_TABLE_H_
