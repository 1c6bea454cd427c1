#ifndef DOWNPOUR_WORKER_DEVICE_CPU_MEMORY_LAYOUT_H_
#define DOWNPOUR_WORKER_DEVICE_CPU_MEMORY_LAYOUT_H_

#include <cstddef>

#include "worker/device/device.h"

namespace downpour {

// Parts of one block of memory, each aligned as buffers are.
class MemoryLayout {
 public:
  // The offset of a new part behind the others.
  size_t Add(size_t bytes) {
    const size_t offset = bytes_;
    bytes_ += (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
    return offset;
  }

  size_t bytes() const { return bytes_; }

 private:
  size_t bytes_ = 0;
};

// A part of a block, as elements of type T.
template <typename T>
T* At(void* block, size_t offset) {
  return reinterpret_cast<T*>(static_cast<std::byte*>(block) + offset);
}
template <typename T>
const T* At(const void* block, size_t offset) {
  return reinterpret_cast<const T*>(static_cast<const std::byte*>(block) + offset);
}

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_CPU_MEMORY_LAYOUT_H_
