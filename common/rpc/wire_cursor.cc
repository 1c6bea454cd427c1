#include "common/rpc/wire_cursor.h"

#include <algorithm>
#include <array>

namespace downpour {
namespace {

constexpr int kVarintBytesMax = 10;
constexpr int kTagBytesMax = 5;  // and of a length

// The wire types.
enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kGroup = 3, kEndGroup = 4, kFixed32 = 5 };

}  // namespace

std::string_view WireFaultText(WireFault fault) {
  switch (fault) {
    case WireFault::kNone:
      return "nothing is wrong";
    case WireFault::kTruncated:
      return "the bytes end within a value, or a length is larger than what is left";
    case WireFault::kVarintTooLong:
      return "a varint has too many bytes";
    case WireFault::kFieldZero:
      return "a field has the number 0";
    case WireFault::kWireType:
      return "a field has a wire type that does not exist";
    case WireFault::kGroupUnmatched:
      return "a group ends that did not begin";
    case WireFault::kTooDeep:
      return "groups are nested too deep";
  }
  return "an unknown fault";
}

WireCursor::WireCursor(absl::Span<const grpc::Slice> slices) : slices_(slices) {
  for (const grpc::Slice& slice : slices) size_ += slice.size();
  if (slices_.empty()) return;
  at_ = slices_.front().begin();
  slice_end_ = slices_.front().end();
  slice_end_position_ = slices_.front().size();
  SkipSpentSlices();
}

void WireCursor::SkipSpentSlices() {
  while (at_ == slice_end_ && slices_.size() > 1) {
    slices_.remove_prefix(1);
    at_ = slices_.front().begin();
    slice_end_ = slices_.front().end();
    slice_end_position_ += slices_.front().size();
  }
}

WireFault WireCursor::ReadVarint(size_t end, int bytes_max, uint64_t* value) {
  uint64_t result = 0;
  size_t left = end - position();
  for (int i = 0; i < bytes_max; ++i) {
    if (left-- == 0) return WireFault::kTruncated;
    const uint8_t byte = *at_++;
    if (at_ == slice_end_) SkipSpentSlices();
    result |= uint64_t{byte & 0x7fu} << (7 * i);
    if (byte < 0x80) {
      *value = result;
      return WireFault::kNone;
    }
  }
  return WireFault::kVarintTooLong;
}

WireFault WireCursor::ReadTag(size_t end, uint32_t* tag) {
  uint64_t value = 0;
  if (const WireFault fault = ReadVarint(end, kTagBytesMax, &value); fault != WireFault::kNone) return fault;
  *tag = static_cast<uint32_t>(value);  // as protobuf does: what is above 32 bits falls off
  if (WireFieldNumber(*tag) == 0) return WireFault::kFieldZero;
  return (*tag & 7) > kFixed32 ? WireFault::kWireType : WireFault::kNone;
}

WireFault WireCursor::ReadLength(size_t end, size_t* length) {
  uint64_t value = 0;
  if (const WireFault fault = ReadVarint(end, kTagBytesMax, &value); fault != WireFault::kNone) return fault;
  if (value > end - position()) return WireFault::kTruncated;
  *length = value;
  return WireFault::kNone;
}

WireFault WireCursor::SkipValue(uint32_t tag, size_t end, int depth_left) {
  std::array<uint32_t, kWireDepthMax> groups;  // the numbers of the groups that we are in
  depth_left = std::min<int>(depth_left, groups.size());
  int depth = 0;
  while (true) {
    size_t bytes = 0;
    WireFault fault = WireFault::kNone;
    switch (tag & 7) {
      case kVarint: {
        uint64_t value;
        fault = ReadVarint(end, kVarintBytesMax, &value);
        break;
      }
      case kLengthDelimited:
        fault = ReadLength(end, &bytes);
        break;
      case kFixed64:
      case kFixed32:
        bytes = (tag & 7) == kFixed64 ? 8 : 4;
        if (bytes > end - position()) fault = WireFault::kTruncated;
        break;
      case kGroup:
        if (depth == depth_left) return WireFault::kTooDeep;
        groups[depth++] = WireFieldNumber(tag);
        break;
      case kEndGroup:
        if (depth == 0 || groups[depth - 1] != WireFieldNumber(tag)) return WireFault::kGroupUnmatched;
        --depth;
        break;
      default:
        return WireFault::kWireType;
    }
    if (fault != WireFault::kNone) return fault;
    Skip(bytes);
    if (depth == 0) return WireFault::kNone;
    if (fault = ReadTag(end, &tag); fault != WireFault::kNone) return fault;
  }
}

template <typename Visit>
void WireCursor::Pass(size_t count, const Visit& visit) {
  while (count > 0) {
    const size_t run = std::min(count, static_cast<size_t>(slice_end_ - at_));
    visit(at_, run);
    at_ += run;
    count -= run;
    SkipSpentSlices();
  }
}

void WireCursor::Skip(size_t count) {
  Pass(count, [](const uint8_t*, size_t) {});
}

void WireCursor::Take(size_t count, PayloadRuns* runs) {
  Pass(count, [runs](const uint8_t* data, size_t size) {
    runs->emplace_back(reinterpret_cast<const std::byte*>(data), size);
  });
}

void WireCursor::Append(size_t count, std::string* copy) {
  Pass(count, [copy](const uint8_t* data, size_t size) { copy->append(reinterpret_cast<const char*>(data), size); });
}

const uint8_t* WireCursor::Contiguous(size_t count) const {
  return static_cast<size_t>(slice_end_ - at_) >= count ? at_ : nullptr;
}

}  // namespace downpour
