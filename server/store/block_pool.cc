#include "server/store/block_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <list>
#include <new>
#include <utility>

#include "common/base/mutex.h"

namespace downpour {
namespace {

// Blocks come in powers of two, so that the short block at the end of one run can serve another.
constexpr size_t kSmallestCapacity = 64;
constexpr size_t kSizes = std::bit_width(kBlockElements) - std::bit_width(kSmallestCapacity) + 1;
static_assert(std::has_single_bit(kBlockElements) && std::has_single_bit(kSmallestCapacity));

constexpr size_t kBlocksPerSlab = 8;
constexpr size_t kHugePage = size_t{2} * 1024 * 1024;
static_assert(kBlocksPerSlab * kBlockElements * sizeof(float) == kHugePage);

constexpr size_t SizeOf(size_t capacity) { return std::bit_width(capacity) - std::bit_width(kSmallestCapacity); }

}  // namespace

// Memory as it comes from the system: eight full blocks, or one shorter one.
struct BlockSlab {
  // Nothing if there is no memory.
  static std::unique_ptr<BlockSlab> Create(size_t capacity) {
    std::unique_ptr<BlockSlab> slab(new (std::nothrow) BlockSlab);
    if (slab == nullptr) return nullptr;
    slab->capacity = capacity;
    slab->block_count = capacity == kBlockElements ? kBlocksPerSlab : 1;
    slab->alignment = std::align_val_t{slab->block_count == 1 ? kBlockAlignment : kHugePage};
    slab->memory = ::operator new(slab->block_count * slab->block_bytes(), slab->alignment, std::nothrow);
    if (slab->memory == nullptr) return nullptr;
    if (slab->block_count > 1) madvise(slab->memory, kHugePage, MADV_HUGEPAGE);  // a wish: without it all works too
    for (size_t i = 0; i < slab->block_count; ++i) {
      Block& block = slab->blocks[i];
      block.data_ = static_cast<float*>(slab->memory) + i * capacity;
      block.capacity_ = capacity;
      block.slab_ = slab.get();
      slab->free[i] = &block;
    }
    slab->free_count = slab->block_count;
    return slab;
  }

  ~BlockSlab() { ::operator delete(memory, alignment); }

  size_t block_bytes() const { return capacity * sizeof(float); }
  bool all_free() const { return free_count == block_count; }

  size_t capacity = 0;
  size_t block_count = 0;
  std::align_val_t alignment{kBlockAlignment};
  void* memory = nullptr;
  Block blocks[kBlocksPerSlab];  // of which the first block_count are used
  std::array<Block*, kBlocksPerSlab> free = {};
  size_t free_count = 0;
  std::list<std::unique_ptr<BlockSlab>>::iterator place;  // in the pool's list of its size
};

// What blocks need of their pool, kept alive by them.
class BlockPoolCore : public std::enable_shared_from_this<BlockPoolCore> {
 public:
  explicit BlockPoolCore(BlockPoolOptions options) : options_(options) {}

  BlockRef Allocate(size_t elements) DP_EXCLUDES(mutex_) {
    if (elements == 0 || elements > kBlockElements) return BlockRef();
    const size_t capacity = std::max(kSmallestCapacity, std::bit_ceil(elements));
    Block* block = nullptr;
    {
      MutexLock lock(&mutex_);
      const size_t bytes = capacity * sizeof(float);
      const size_t room = options_.bytes_in_use_max - std::min(options_.bytes_in_use_max, statistics_.bytes_in_use);
      if (bytes > room) return BlockRef();
      block = TakeFree(SizeOf(capacity));
      if (block == nullptr && AddSlab(capacity)) block = TakeFree(SizeOf(capacity));
    }
    if (block == nullptr) return BlockRef();
    block->references_.store(1, std::memory_order_relaxed);
    block->home_ = shared_from_this();
    return BlockRef(block);
  }

  // Takes back a block without references.
  void Return(Block* block) DP_EXCLUDES(mutex_) {
    std::unique_ptr<BlockSlab> spare;  // goes back to the system after the lock
    MutexLock lock(&mutex_);
    BlockSlab& slab = *block->slab_;
    Slabs& slabs = slabs_[SizeOf(slab.capacity)];
    statistics_.blocks_in_use -= 1;
    statistics_.bytes_in_use -= slab.block_bytes();
    statistics_.blocks_kept += 1;
    statistics_.bytes_kept += slab.block_bytes();
    // What was used last is the likeliest to be in cache: to the front.
    slabs.with_free.splice(slabs.with_free.begin(), slab.free_count == 0 ? slabs.full : slabs.with_free, slab.place);
    slab.free[slab.free_count++] = block;
    if (slab.all_free() && (closed_ || statistics_.bytes_kept > options_.bytes_kept_max)) spare = Remove(&slab);
  }

  // The pool is gone: nobody will ask for blocks again, and those still in use go straight back to the system.
  void Close() DP_EXCLUDES(mutex_) {
    MutexLock lock(&mutex_);
    closed_ = true;
    for (Slabs& slabs : slabs_) {
      for (auto slab = slabs.with_free.begin(); slab != slabs.with_free.end();) {
        BlockSlab* const candidate = (slab++)->get();
        if (candidate->all_free()) Remove(candidate);
      }
    }
  }

  BlockPoolStatistics statistics() const DP_EXCLUDES(mutex_) {
    MutexLock lock(&mutex_);
    return statistics_;
  }

 private:
  using SlabList = std::list<std::unique_ptr<BlockSlab>>;
  struct Slabs {  // of one size
    SlabList with_free;
    SlabList full;
  };

  Block* TakeFree(size_t size) DP_REQUIRES(mutex_) {
    Slabs& slabs = slabs_[size];
    if (slabs.with_free.empty()) return nullptr;
    BlockSlab& slab = *slabs.with_free.front();
    Block* const block = slab.free[--slab.free_count];
    if (slab.free_count == 0) slabs.full.splice(slabs.full.begin(), slabs.with_free, slab.place);
    statistics_.blocks_kept -= 1;
    statistics_.bytes_kept -= slab.block_bytes();
    statistics_.blocks_in_use += 1;
    statistics_.bytes_in_use += slab.block_bytes();
    statistics_.bytes_in_use_peak = std::max(statistics_.bytes_in_use_peak, statistics_.bytes_in_use);
    return block;
  }

  bool AddSlab(size_t capacity) DP_REQUIRES(mutex_) {
    std::unique_ptr<BlockSlab> slab = BlockSlab::Create(capacity);
    if (slab == nullptr) return false;
    statistics_.blocks_allocated += slab->block_count;
    statistics_.blocks_kept += slab->block_count;
    statistics_.bytes_kept += slab->block_count * slab->block_bytes();
    SlabList& list = slabs_[SizeOf(capacity)].with_free;
    list.push_front(std::move(slab));
    list.front()->place = list.begin();
    return true;
  }

  // Requires that all its blocks are free.
  std::unique_ptr<BlockSlab> Remove(BlockSlab* slab) DP_REQUIRES(mutex_) {
    statistics_.blocks_kept -= slab->block_count;
    statistics_.bytes_kept -= slab->block_count * slab->block_bytes();
    std::unique_ptr<BlockSlab> removed = std::move(*slab->place);
    slabs_[SizeOf(slab->capacity)].with_free.erase(slab->place);
    return removed;
  }

  const BlockPoolOptions options_;
  mutable Mutex mutex_;
  bool closed_ DP_GUARDED_BY(mutex_) = false;
  std::array<Slabs, kSizes> slabs_ DP_GUARDED_BY(mutex_);
  BlockPoolStatistics statistics_ DP_GUARDED_BY(mutex_);
};

void BlockRef::Recycle(Block* block) {
  // A block that is kept must not keep its pool alive.
  const std::shared_ptr<BlockPoolCore> home = std::move(block->home_);
  home->Return(block);
}

BlockPool::BlockPool(BlockPoolOptions options) : core_(std::make_shared<BlockPoolCore>(options)) {}
BlockPool::~BlockPool() { core_->Close(); }
BlockRef BlockPool::Allocate(size_t elements) { return core_->Allocate(elements); }
BlockPoolStatistics BlockPool::statistics() const { return core_->statistics(); }

}  // namespace downpour
