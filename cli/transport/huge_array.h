#ifndef DOWNPOUR_CLI_TRANSPORT_HUGE_ARRAY_H_
#define DOWNPOUR_CLI_TRANSPORT_HUGE_ARRAY_H_

#include <cstddef>

#include "absl/status/statusor.h"

namespace downpour {

// Floats in pages of their own, huge ones where the system gives them, all written once, so that no page fault falls
// into what is measured.
class HugeArray {
 public:
  // RESOURCE_EXHAUSTED where there is no such memory.
  static absl::StatusOr<HugeArray> Make(size_t bytes, float value);

  HugeArray(HugeArray&& other) noexcept;
  HugeArray& operator=(HugeArray&&) = delete;
  ~HugeArray();

  float* floats() { return floats_; }
  std::byte* data() { return reinterpret_cast<std::byte*>(floats_); }
  size_t bytes() const { return bytes_; }

 private:
  HugeArray(void* mapping, size_t mapping_bytes, float* floats, size_t bytes)
      : mapping_(mapping), mapping_bytes_(mapping_bytes), floats_(floats), bytes_(bytes) {}

  void* mapping_;
  size_t mapping_bytes_;
  float* floats_;
  size_t bytes_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_TRANSPORT_HUGE_ARRAY_H_
