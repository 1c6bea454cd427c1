#ifndef DOWNPOUR_COMMON_RPC_WIRE_CURSOR_H_
#define DOWNPOUR_COMMON_RPC_WIRE_CURSOR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "common/rpc/sliced_message.h"
#include "grpcpp/support/slice.h"

namespace downpour {

// What can be wrong with bytes that claim to be protobuf's.
enum class WireFault : uint8_t {
  kNone,
  kTruncated,       // the bytes end within a value
  kVarintTooLong,   // more than 10 bytes; of a tag or length, more than 5
  kFieldZero,       // fields are numbered from 1
  kWireType,        // 6 and 7 mean nothing
  kGroupUnmatched,  // a group that ends without having begun, or as another than it began
  kTooDeep,         // groups in groups past what protobuf accepts
};

// "the bytes end within a value", ...
std::string_view WireFaultText(WireFault fault);

// So many levels of messages and groups does protobuf accept.
inline constexpr int kWireDepthMax = 100;

inline constexpr uint32_t WireFieldNumber(uint32_t tag) { return tag >> 3; }
inline constexpr uint32_t LengthDelimitedTag(uint32_t field_number) { return field_number << 3 | 2; }

// Walks over protobuf's encoding in a row of slices, where anything may straddle slices. Accepts and refuses exactly
// what protobuf does, and trusts nothing: it never reads past `end`. Copies are marks to come back to. The slices must
// outlive it. Not thread-safe.
class WireCursor {
 public:
  explicit WireCursor(absl::Span<const grpc::Slice> slices);

  // Bytes passed, and bytes in all.
  size_t position() const { return slice_end_position_ - static_cast<size_t>(slice_end_ - at_); }
  size_t size() const { return size_; }

  // The calls below look at no byte from `end` on, which is at most size() and at least position(). After a fault the
  // cursor is somewhere between.

  // A tag, with a field number and wire type that there are.
  WireFault ReadTag(size_t end, uint32_t* tag);

  // The length of a length-delimited field; what follows it is at least as long.
  WireFault ReadLength(size_t end, size_t* length);

  // Passes the value that belongs to a tag, in a message with room for `depth_left` levels of groups.
  WireFault SkipValue(uint32_t tag, size_t end, int depth_left);

  // Passes `count` <= size() - position() bytes: as they are, noting where they lie, or copying them.
  void Skip(size_t count);
  void Take(size_t count, PayloadRuns* runs);
  void Append(size_t count, std::string* copy);

  // The next `count` bytes if they lie in one slice, else null.
  const uint8_t* Contiguous(size_t count) const;

 private:
  // Moves past slices that have no more bytes.
  void SkipSpentSlices();
  WireFault ReadVarint(size_t end, int bytes_max, uint64_t* value);

  template <typename Visit>
  void Pass(size_t count, const Visit& visit);

  absl::Span<const grpc::Slice> slices_;  // the current one and those after it
  const uint8_t* at_ = nullptr;
  const uint8_t* slice_end_ = nullptr;
  size_t slice_end_position_ = 0;
  size_t size_ = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_WIRE_CURSOR_H_
