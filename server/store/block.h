#ifndef DOWNPOUR_SERVER_STORE_BLOCK_H_
#define DOWNPOUR_SERVER_STORE_BLOCK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

// Blocks: the pieces of memory that weights and optimizer slots lie in. A block is shared by counting references; who
// holds one may read it for as long as they like, and it is written only by who holds the only reference. That is all
// there is to copy on write: a pull copies references, and the next push writes the values into fresh blocks.

namespace downpour {

// Elements (float32) of a full block: 256 KiB. The last block of a run may be shorter.
inline constexpr size_t kBlockElements = 64 * 1024;
inline constexpr size_t kBlockAlignment = 64;  // bytes

class BlockPoolCore;
struct BlockSlab;

// `capacity()` floats, aligned to kBlockAlignment, counted by BlockRef. Made by BlockPool alone (block_pool.h). The
// counts lie apart from the data, so that taking references to a thousand blocks touches little memory.
class Block {
 public:
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  float* data() { return data_; }
  const float* data() const { return data_; }
  size_t capacity() const { return capacity_; }

 private:
  friend class BlockRef;
  friend class BlockPoolCore;
  friend struct BlockSlab;

  Block() = default;

  std::atomic<uint32_t> references_{0};
  float* data_ = nullptr;
  size_t capacity_ = 0;
  BlockSlab* slab_ = nullptr;            // whose memory it is
  std::shared_ptr<BlockPoolCore> home_;  // while referenced; null while the pool keeps the block for later
};

// A reference to a block, or none. Different BlockRefs to one block may be used, copied and dropped by different
// threads; one BlockRef is for one thread at a time.
class BlockRef {
 public:
  BlockRef() = default;
  BlockRef(const BlockRef& other) : block_(other.block_) {
    if (block_ != nullptr) block_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  BlockRef(BlockRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BlockRef& operator=(BlockRef other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~BlockRef() {
    if (block_ != nullptr && block_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) Recycle(block_);
  }

  explicit operator bool() const { return block_ != nullptr; }
  Block* operator->() const { return block_; }
  Block& operator*() const { return *block_; }
  Block* get() const { return block_; }

  // Whether this is the only reference. True stays true until the holder copies it; reads that others made through
  // their references have happened before it is true, so that the block may be written.
  bool unique() const { return block_->references_.load(std::memory_order_acquire) == 1; }

 private:
  friend class BlockPoolCore;
  explicit BlockRef(Block* block) : block_(block) {}  // takes over a count that is already 1
  static void Recycle(Block* block);

  Block* block_ = nullptr;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_STORE_BLOCK_H_
