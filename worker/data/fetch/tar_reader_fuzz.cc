// Any bytes as an archive: the reader hands out no more than there is, and comes to an end.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>

#include "worker/data/fetch/tar_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::span<const uint8_t> left(data, size);
  downpour::TarReader reader([&](std::span<uint8_t> bytes) -> absl::StatusOr<size_t> {
    const size_t taken = std::min(bytes.size(), left.size());
    std::copy_n(left.begin(), taken, bytes.begin());
    left = left.subspan(taken);
    return taken;
  });
  size_t handed_out = 0;
  for (;;) {
    const absl::StatusOr<std::optional<downpour::TarEntry>> entry = reader.Next();
    if (!entry.ok() || !entry->has_value()) return 0;
    std::array<uint8_t, 100> piece;
    // Some files are read, of others only a beginning.
    for (size_t pieces = 0; pieces < (*entry)->name.size(); ++pieces) {
      const absl::StatusOr<size_t> got = reader.Read(piece);
      if (!got.ok()) return 0;
      handed_out += *got;
      if (handed_out > size) std::abort();
      if (*got == 0) break;
    }
  }
}
