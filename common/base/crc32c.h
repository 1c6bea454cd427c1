// CRC-32C (Castagnoli), the checksum of checkpoint blocks and wire frames.
#ifndef DOWNPOUR_COMMON_BASE_CRC32C_H_
#define DOWNPOUR_COMMON_BASE_CRC32C_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace downpour {

// The polynomial 0x1EDC6F41, reflected, as iSCSI (RFC 3720), ext4 and TensorBoard's event files have it. Uses the
// processor's instruction where there is one, at about the speed of memory, and tables elsewhere. Any thread may call
// these.

// The checksum of `data`; 0 for no data.
uint32_t Crc32c(std::span<const std::byte> data);

// The checksum of some bytes followed by `data`, `crc` being the checksum of those bytes.
uint32_t ExtendCrc32c(uint32_t crc, std::span<const std::byte> data);

// The checksum of a piece with checksum `a` followed by one of `size_b` bytes with checksum `b`: pieces can be summed
// on several threads. Takes under a microsecond whatever the sizes.
uint32_t Crc32cCombine(uint32_t a, uint32_t b, uint64_t size_b);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_CRC32C_H_
