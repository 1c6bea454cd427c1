// What a message of the data plane may be at most, and the version of the protocol. docs/data-plane.md and
// proto/data_plane.proto state the same.
#ifndef DOWNPOUR_COMMON_RPC_LIMITS_H_
#define DOWNPOUR_COMMON_RPC_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace downpour {

// The protocol versions that we speak.
inline constexpr uint32_t kProtocolVersion = 1;
inline constexpr uint32_t kProtocolVersionMin = 1;

// A whole message, as gRPC hands it over.
inline constexpr size_t kMessageBytesMax = size_t{4} << 20;

// Of a message, all bytes that are not payload: what the decoder may copy and protobuf may blow up into objects.
inline constexpr size_t kOverheadBytesMax = size_t{512} << 10;

// Of a message, its pieces and all other fields of its outermost level.
inline constexpr size_t kEntriesMax = 8192;

// ---- What we send; a receiver takes anything within the limits above.

// A large payload is cut into pieces of this, each in a message of its own: half of it is half as fast, and more is not
// faster (the copy to and from the kernel falls out of the cache).
inline constexpr size_t kPieceBytes = size_t{1} << 20;

// Small pieces that wait share a message until it has this many bytes.
inline constexpr size_t kCoalescedBytes = size_t{512} << 10;

// Of Refusal.message.
inline constexpr size_t kRefusalMessageBytesMax = 1024;

static_assert(kProtocolVersionMin >= 1 && kProtocolVersionMin <= kProtocolVersion);
static_assert(kPieceBytes + kOverheadBytesMax <= kMessageBytesMax);
static_assert(kCoalescedBytes <= kPieceBytes);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_LIMITS_H_
