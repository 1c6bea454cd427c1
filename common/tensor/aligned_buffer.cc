#include "common/tensor/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace downpour {
namespace {

// More than any machine's address space; keeps the rounding below from overflowing.
constexpr size_t kBytesMax = size_t{1} << 47;

absl::Status NoMemory(size_t size) {
  return absl::ResourceExhaustedError(absl::StrCat("there is no memory for a buffer of ", size, " bytes"));
}

}  // namespace

absl::StatusOr<std::byte*> AllocateAligned(size_t capacity) {
  if (capacity > kBytesMax) return NoMemory(capacity);
  const bool huge = capacity >= AlignedBuffer::kHugePageBytes;
  void* data = nullptr;
  if (posix_memalign(&data, huge ? AlignedBuffer::kHugePageBytes : AlignedBuffer::kAlignment, capacity) != 0) {
    return NoMemory(capacity);
  }
  // Only advice: where the kernel has no huge pages the buffer works all the same. Whole huge pages alone, since the
  // rest of the last one is shared with other allocations.
  if (huge)
    (void)madvise(data, capacity / AlignedBuffer::kHugePageBytes * AlignedBuffer::kHugePageBytes, MADV_HUGEPAGE);
  return static_cast<std::byte*>(data);
}

void FreeAligned(std::byte* data) { std::free(data); }

absl::StatusOr<AlignedBuffer> AlignedBuffer::Allocate(size_t size) {
  if (size > kBytesMax) return NoMemory(size);
  const size_t capacity = size == 0 ? kAlignment : (size + kAlignment - 1) / kAlignment * kAlignment;
  DP_ASSIGN_OR_RETURN(std::byte* const data, AllocateAligned(capacity));
  return AlignedBuffer(data, size, capacity, nullptr);
}

AlignedBuffer::AlignedBuffer(std::byte* data, size_t size, size_t capacity, std::shared_ptr<BufferHome> home)
    : data_(data), size_(size), capacity_(capacity), home_(std::move(home)) {}

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)),
      home_(std::move(other.home_)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  AlignedBuffer taken(std::move(other));
  std::swap(data_, taken.data_);
  std::swap(size_, taken.size_);
  std::swap(capacity_, taken.capacity_);
  std::swap(home_, taken.home_);
  return *this;
}

AlignedBuffer::~AlignedBuffer() {
  if (data_ == nullptr) return;
  if (home_ != nullptr) {
    home_->TakeBack(data_, capacity_);
  } else {
    FreeAligned(data_);
  }
}

}  // namespace downpour
