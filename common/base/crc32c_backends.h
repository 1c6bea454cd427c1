// The implementations behind crc32c.h, for it to choose from and for tests to compare.
#ifndef DOWNPOUR_COMMON_BASE_CRC32C_BACKENDS_H_
#define DOWNPOUR_COMMON_BASE_CRC32C_BACKENDS_H_

#include <cstddef>
#include <cstdint>

namespace downpour::crc32c {

// Feeds bytes to a raw remainder, without the inversions at both ends of a checksum.

// Tables, eight bytes at a time.
uint32_t FeedPortable(uint32_t remainder, const std::byte* data, size_t size);

// The instruction of SSE 4.2. Requires HasHardware().
uint32_t FeedHardware(uint32_t remainder, const std::byte* data, size_t size);
bool HasHardware();

}  // namespace downpour::crc32c

#endif  // DOWNPOUR_COMMON_BASE_CRC32C_BACKENDS_H_
