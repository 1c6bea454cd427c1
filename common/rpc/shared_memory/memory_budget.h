#ifndef DOWNPOUR_COMMON_RPC_SHARED_MEMORY_MEMORY_BUDGET_H_
#define DOWNPOUR_COMMON_RPC_SHARED_MEMORY_MEMORY_BUDGET_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/rpc/shared_memory/segment.h"

namespace downpour {

// Makes segments, so many as fit into a limit of bytes. Thread-safe.
class MemoryBudget : public std::enable_shared_from_this<MemoryBudget> {
 public:
  explicit MemoryBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  // A segment that counts until the last of those who use it lets go. RESOURCE_EXHAUSTED past the limit.
  absl::StatusOr<Segment::New> Make(const SegmentShape& shape);

  size_t bytes_in_use() const;

 private:
  const size_t bytes_max_;
  mutable Mutex mutex_;
  size_t bytes_in_use_ DP_GUARDED_BY(mutex_) = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_SHARED_MEMORY_MEMORY_BUDGET_H_
