// Memory for tensors.
#ifndef DOWNPOUR_COMMON_TENSOR_ALIGNED_BUFFER_H_
#define DOWNPOUR_COMMON_TENSOR_ALIGNED_BUFFER_H_

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>

#include "absl/status/statusor.h"

namespace downpour {

// Takes memory back from buffers that end; see BufferPool. Any thread may call it.
class BufferHome {
 public:
  virtual ~BufferHome() = default;

  // Takes over memory from AllocateAligned.
  virtual void TakeBack(std::byte* data, size_t capacity) = 0;
};

// An owned block of memory, aligned to 64 bytes (a cache line, an AVX-512 register); blocks of 2 MiB and more are
// aligned to 2 MiB and the kernel is asked for huge pages. The contents are not initialised. Moved, never copied; the
// bytes may be used from any thread, the object from one at a time.
class AlignedBuffer {
 public:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kHugePageBytes = size_t{2} << 20;

  // A buffer of no bytes.
  AlignedBuffer() = default;

  // A buffer of its own, given back to the system when it ends. RESOURCE_EXHAUSTED if there is no memory.
  static absl::StatusOr<AlignedBuffer> Allocate(size_t size);

  // For pools: takes over `capacity` bytes from AllocateAligned, of which `size` are asked for, and gives them to
  // `home` in the end.
  AlignedBuffer(std::byte* data, size_t size, size_t capacity, std::shared_ptr<BufferHome> home);

  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;
  ~AlignedBuffer();

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

  // size() and the padding after it, which may be used too: a multiple of 64, so that kernels may work in whole
  // vectors.
  size_t capacity() const { return capacity_; }

  std::span<std::byte> bytes() const { return {data_, size_}; }

  // As many whole elements as fit.
  template <typename T>
  requires(std::is_trivial_v<T> && alignof(T) <= kAlignment) std::span<T> Elements()
  const { return {reinterpret_cast<T*>(data_), size_ / sizeof(T)}; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
  std::shared_ptr<BufferHome> home_;  // null: the system
};

// The memory below AlignedBuffer: `capacity` bytes, a multiple of 64, aligned as said above; RESOURCE_EXHAUSTED if
// there are not as many. FreeAligned gives them back.
absl::StatusOr<std::byte*> AllocateAligned(size_t capacity);
void FreeAligned(std::byte* data);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_TENSOR_ALIGNED_BUFFER_H_
