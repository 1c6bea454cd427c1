// Reuse of tensor memory.
#ifndef DOWNPOUR_COMMON_TENSOR_BUFFER_POOL_H_
#define DOWNPOUR_COMMON_TENSOR_BUFFER_POOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "common/tensor/aligned_buffer.h"

namespace downpour {

// What a pool has done since it was made and holds now. Bytes are those of the size classes.
struct BufferPoolStats {
  int64_t allocated = 0;  // buffers taken from the system
  int64_t reused = 0;     // buffers given out from those kept
  int64_t bytes_in_use = 0;
  int64_t bytes_kept = 0;
};

// Hands out AlignedBuffers and keeps the memory of those that end for the next ones: fresh memory costs page faults,
// more than the arithmetic done in it. Memory is kept by size class, four for each doubling, so at most a quarter of a
// buffer is padding and powers of two have none; the last one back is the first one out again.
//
// Any thread may call it, and buffers may end on any thread, also after the pool: they share its state, and the
// memory of late ones goes back to the system.
class BufferPool {
 public:
  // Keeps at most `bytes_kept_max` bytes of unused memory; what would be more goes back to the system.
  explicit BufferPool(size_t bytes_kept_max);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // A buffer of `size` bytes, not initialised. RESOURCE_EXHAUSTED if there is no memory.
  absl::StatusOr<AlignedBuffer> Allocate(size_t size);

  BufferPoolStats stats() const;

 private:
  class State;
  const std::shared_ptr<State> state_;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_TENSOR_BUFFER_POOL_H_
