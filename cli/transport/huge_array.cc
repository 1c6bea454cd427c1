#include "cli/transport/huge_array.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"

namespace downpour {

absl::StatusOr<HugeArray> HugeArray::Make(size_t bytes, float value) {
  constexpr size_t kHugePage = size_t{2} << 20;
  const size_t mapping_bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage + kHugePage;
  void* mapping = ::mmap(nullptr, mapping_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) {
    return absl::ResourceExhaustedError(absl::StrCat("no memory for ", bytes, " bytes: measure smaller sizes"));
  }
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(mapping) + kHugePage - 1) / kHugePage * kHugePage;
  ::madvise(reinterpret_cast<void*>(begin), mapping_bytes - kHugePage, MADV_HUGEPAGE);
  auto* floats = reinterpret_cast<float*>(begin);
  std::fill_n(floats, bytes / sizeof(float), value);
  return HugeArray(mapping, mapping_bytes, floats, bytes);
}

HugeArray::HugeArray(HugeArray&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)),
      mapping_bytes_(other.mapping_bytes_),
      floats_(other.floats_),
      bytes_(other.bytes_) {}

HugeArray::~HugeArray() {
  if (mapping_ != nullptr) ::munmap(mapping_, mapping_bytes_);
}

}  // namespace downpour
