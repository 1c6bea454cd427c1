// A 64-bit fingerprint of bytes.
#ifndef DOWNPOUR_COMMON_BASE_HASH_H_
#define DOWNPOUR_COMMON_BASE_HASH_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace downpour {

// XXH64 (Collet's xxHash, 64-bit variant, as its specification has it). The same on every machine and in every
// release, so values may be stored and compared across processes: stores bit for bit, jobs by their text, keys for
// random streams. Some 10 GB/s. Chain pieces by giving the hash so far as the seed. Not for secrets or
// against somebody who looks for collisions; a file's integrity is crc32c.h.
uint64_t Hash64(std::span<const std::byte> bytes, uint64_t seed = 0);
uint64_t Hash64(std::string_view text, uint64_t seed = 0);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_HASH_H_
