#include "common/rpc/piece_check.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/tensor/dtype.h"
#include "common/tensor/wire_dtype.h"

namespace downpour {
namespace {

template <typename... Parts>
PieceFault Fault(wire::Refusal::Reason reason, const Parts&... parts) {
  return {reason, absl::InvalidArgumentError(absl::StrCat(parts...))};
}

template <typename Header>
PieceFault CheckBytes(const SlicedPiece<Header>& piece, size_t element_size) {
  const Header& header = piece.header;
  const uint64_t payload_bytes = ByteCount(piece.payload);
  if (header.has_shared_payload()) {
    return Fault(wire::Refusal::BYTE_COUNT, "the payload lies in shared memory, of which this stream has none");
  }
  if (header.element_count() > std::numeric_limits<uint64_t>::max() / element_size ||
      header.total_bytes() != header.element_count() * element_size) {
    return Fault(wire::Refusal::BYTE_COUNT, "total_bytes is ", header.total_bytes(), ", but element_count is ",
                 header.element_count(), " and an element has ", element_size, " bytes");
  }
  if (header.offset() > header.total_bytes() || payload_bytes > header.total_bytes() - header.offset()) {
    return Fault(wire::Refusal::BYTE_COUNT, "a payload of ", payload_bytes, " bytes at offset ", header.offset(),
                 " goes past total_bytes, which is ", header.total_bytes());
  }
  if (payload_bytes == 0 && header.total_bytes() > 0) {
    return Fault(wire::Refusal::BYTE_COUNT, "the payload is empty, but total_bytes is ", header.total_bytes());
  }
  return {};
}

}  // namespace

PieceFault CheckPiece(const SlicedPushPiece& piece) {
  switch (piece.header.dtype()) {
    case FLOAT32:
      return CheckBytes(piece, 4);
    case BFLOAT16:
    case FLOAT16:
      return CheckBytes(piece, 2);
    default:
      return Fault(wire::Refusal::DTYPE, "dtype ", static_cast<int>(piece.header.dtype()),
                   " is none that gradients may have: send FLOAT32, BFLOAT16 or FLOAT16");
  }
}

PieceFault CheckPiece(const SlicedWeightsPiece& piece) {
  const std::optional<DType> dtype = FromWireDType(piece.header.dtype());
  if (!dtype) {
    return Fault(wire::Refusal::DTYPE, "dtype ", static_cast<int>(piece.header.dtype()),
                 " is none that this version knows");
  }
  return CheckBytes(piece, DTypeSize(*dtype));
}

}  // namespace downpour
