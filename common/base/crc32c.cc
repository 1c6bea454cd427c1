#include "common/base/crc32c.h"

#include "common/base/crc32c_backends.h"
#include "common/base/crc32c_polynomial.h"

namespace downpour {

uint32_t Crc32c(std::span<const std::byte> data) { return ExtendCrc32c(0, data); }

uint32_t ExtendCrc32c(uint32_t crc, std::span<const std::byte> data) {
  static const bool has_hardware = crc32c::HasHardware();
  return has_hardware ? ~crc32c::FeedHardware(~crc, data.data(), data.size())
                      : ~crc32c::FeedPortable(~crc, data.data(), data.size());
}

// The inversions at both ends of `a` and `b` cancel.
uint32_t Crc32cCombine(uint32_t a, uint32_t b, uint64_t size_b) {
  return crc32c::Multiply(a, crc32c::ZeroBytes(size_b)) ^ b;
}

}  // namespace downpour
