#include "common/tensor/buffer_pool.h"

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/base/status.h"

namespace downpour {
namespace {

constexpr size_t kSmallestClassBytes = AlignedBuffer::kAlignment;
constexpr int kStepsLog2 = 2;  // four classes for each doubling
constexpr size_t kClasses = (48 - 6) << kStepsLog2;
constexpr size_t kBytesMax = size_t{1} << 47;

// Sizes in units of the smallest class run 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, ...: up to four all of them,
// then the top three bits of a number, that is, a mantissa of two bits behind the leading one.
struct SizeClass {
  size_t index;
  size_t bytes;
};

SizeClass ClassOf(size_t size) {
  const size_t units = std::max<size_t>(1, (size + kSmallestClassBytes - 1) / kSmallestClassBytes);
  if (units <= size_t{1} << kStepsLog2) return {units - 1, units * kSmallestClassBytes};
  const int shift = std::bit_width(units - 1) - 1 - kStepsLog2;
  const size_t mantissa = ((units - 1) >> shift) + 1;  // rounded up, in [5, 8]
  return {(static_cast<size_t>(shift) << kStepsLog2) + mantissa - 1, (mantissa << shift) * kSmallestClassBytes};
}

}  // namespace

class BufferPool::State final : public BufferHome {
 public:
  explicit State(size_t bytes_kept_max) : bytes_kept_max_(bytes_kept_max) {}

  // Memory of this class that was kept, or null. Counts it as in use in either case.
  std::byte* Take(SizeClass size_class) DP_EXCLUDES(mutex_) {
    MutexLock lock(&mutex_);
    stats_.bytes_in_use += static_cast<int64_t>(size_class.bytes);
    std::vector<std::byte*>& kept = kept_[size_class.index];
    if (kept.empty()) {
      ++stats_.allocated;
      return nullptr;
    }
    ++stats_.reused;
    stats_.bytes_kept -= static_cast<int64_t>(size_class.bytes);
    std::byte* const data = kept.back();
    kept.pop_back();
    return data;
  }

  // Takes back what Take counted, the system having had no memory.
  void Uncount(SizeClass size_class) DP_EXCLUDES(mutex_) {
    MutexLock lock(&mutex_);
    --stats_.allocated;
    stats_.bytes_in_use -= static_cast<int64_t>(size_class.bytes);
  }

  void TakeBack(std::byte* data, size_t capacity) override DP_EXCLUDES(mutex_) {
    {
      MutexLock lock(&mutex_);
      stats_.bytes_in_use -= static_cast<int64_t>(capacity);
      if (open_ && static_cast<size_t>(stats_.bytes_kept) + capacity <= bytes_kept_max_) {
        stats_.bytes_kept += static_cast<int64_t>(capacity);
        kept_[ClassOf(capacity).index].push_back(data);
        return;
      }
    }
    FreeAligned(data);
  }

  // Frees what is kept, and keeps nothing from now on.
  void Close() DP_EXCLUDES(mutex_) {
    MutexLock lock(&mutex_);
    open_ = false;
    for (std::vector<std::byte*>& kept : kept_) {
      for (std::byte* const data : kept) FreeAligned(data);
      kept.clear();
    }
    stats_.bytes_kept = 0;
  }

  BufferPoolStats stats() DP_EXCLUDES(mutex_) {
    MutexLock lock(&mutex_);
    return stats_;
  }

 private:
  const size_t bytes_kept_max_;
  Mutex mutex_;
  bool open_ DP_GUARDED_BY(mutex_) = true;
  std::array<std::vector<std::byte*>, kClasses> kept_ DP_GUARDED_BY(mutex_);
  BufferPoolStats stats_ DP_GUARDED_BY(mutex_);
};

BufferPool::BufferPool(size_t bytes_kept_max) : state_(std::make_shared<State>(bytes_kept_max)) {}

BufferPool::~BufferPool() { state_->Close(); }

absl::StatusOr<AlignedBuffer> BufferPool::Allocate(size_t size) {
  if (size > kBytesMax) {
    return absl::ResourceExhaustedError(absl::StrCat("there is no memory for a buffer of ", size, " bytes"));
  }
  const SizeClass size_class = ClassOf(size);
  std::byte* data = state_->Take(size_class);
  if (data == nullptr) {
    absl::StatusOr<std::byte*> fresh = AllocateAligned(size_class.bytes);
    if (!fresh.ok()) {
      state_->Uncount(size_class);
      return std::move(fresh).status();
    }
    data = *fresh;
  }
  return AlignedBuffer(data, size, size_class.bytes, state_);
}

BufferPoolStats BufferPool::stats() const { return state_->stats(); }

}  // namespace downpour
