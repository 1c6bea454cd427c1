#include "common/rpc/data_plane_encoder.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/limits.h"
#include "common/rpc/sliced_format.h"
#include "common/rpc/wire_cursor.h"
#include "google/protobuf/io/coded_stream.h"

namespace downpour {
namespace {

using google::protobuf::io::CodedOutputStream;

// A tag and the length after it.
size_t PrefixSize(uint32_t field, size_t length) {
  return CodedOutputStream::VarintSize32(LengthDelimitedTag(field)) + CodedOutputStream::VarintSize64(length);
}

uint8_t* WritePrefix(uint32_t field, size_t length, uint8_t* at) {
  at = CodedOutputStream::WriteVarint32ToArray(LengthDelimitedTag(field), at);
  return CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(length), at);
}

// How one piece divides.
struct PieceLayout {
  size_t header_bytes = 0;
  size_t payload_bytes = 0;
  size_t length = 0;    // of the piece, without the prefix that stands before it
  size_t overhead = 0;  // that prefix, the header, and the payload's prefix

  size_t copied_bytes() const { return payload_bytes <= kCopiedPayloadBytesMax ? payload_bytes : 0; }
};

// Also lets the header cache its size for the writing.
template <typename Format>
PieceLayout LayOut(const typename Format::Piece& piece) {
  PieceLayout layout;
  layout.header_bytes = piece.header.ByteSizeLong();
  layout.payload_bytes = ByteCount(piece.payload);
  // An empty value is not written.
  const size_t prefix = layout.payload_bytes > 0 ? PrefixSize(Format::kPayloadField, layout.payload_bytes) : 0;
  layout.length = layout.header_bytes + prefix + layout.payload_bytes;
  layout.overhead = PrefixSize(Format::kPiecesField, layout.length) + layout.header_bytes + prefix;
  return layout;
}

// A slice of somebody else's memory, which lets go of the owner when gRPC lets go of it.
grpc::Slice Refer(absl::Span<const std::byte> bytes, const std::shared_ptr<const void>& owner) {
  using Owner = std::shared_ptr<const void>;
  return grpc::Slice(
      // gRPC's slices are not const, but what it sends it only reads.
      const_cast<std::byte*>(bytes.data()), bytes.size(), [](void* held) { delete static_cast<Owner*>(held); },
      new Owner(owner));
}

// Writes everything but large payloads into one allocation, and gives the message as slices of it with the payloads
// between them.
class SliceWriter {
 public:
  // `bytes`: all that will be written here; `slices_max`: how many slices there may be.
  SliceWriter(size_t bytes, size_t slices_max)
      // The bytes of a fresh slice are for whoever made it to write.
      : slab_(bytes), start_(const_cast<uint8_t*>(slab_.begin())), at_(start_), flushed_(start_) {
    slices_.reserve(slices_max);
  }
  SliceWriter(const SliceWriter&) = delete;
  SliceWriter& operator=(const SliceWriter&) = delete;

  uint8_t* at() const { return at_; }
  void AdvanceTo(uint8_t* at) { at_ = at; }

  void Copy(const PayloadRuns& payload) {
    for (const absl::Span<const std::byte> run : payload) {
      if (run.empty()) continue;  // whose data may be null
      std::memcpy(at_, run.data(), run.size());
      at_ += run.size();
    }
  }

  void ReferTo(const PayloadRuns& payload, const std::shared_ptr<const void>& owner) {
    Flush();
    for (const absl::Span<const std::byte> run : payload) {
      if (!run.empty()) slices_.push_back(Refer(run, owner));
    }
  }

  std::vector<grpc::Slice> Finish() {
    Flush();
    return std::move(slices_);
  }

 private:
  void Flush() {
    if (at_ == flushed_) return;
    slices_.push_back(slab_.sub(flushed_ - start_, at_ - start_));
    flushed_ = at_;
  }

  grpc::Slice slab_;
  uint8_t* const start_;
  uint8_t* at_;       // the end of what is written
  uint8_t* flushed_;  // the end of what slices_ has
  std::vector<grpc::Slice> slices_;
};

struct MessageSize {
  size_t bytes = 0;
  size_t overhead = 0;
  size_t written = 0;  // overhead and copied payloads
  size_t slices_max = 1;
};

template <typename Format>
absl::StatusOr<MessageSize> Measure(const typename Format::Message& message, std::vector<PieceLayout>* layouts) {
  if (Format::PieceCount(message.rest) > 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("The rest of a ", Format::kName, " has pieces: they belong beside it"));
  }
  MessageSize size;
  size.overhead = size.written = size.bytes = message.rest.ByteSizeLong();
  layouts->reserve(message.pieces.size());
  for (const auto& piece : message.pieces) {
    if (!piece.header.payload().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("The header of a piece of a ", Format::kName, " has a payload: it belongs beside it"));
    }
    const PieceLayout& layout = layouts->emplace_back(LayOut<Format>(piece));
    size.overhead += layout.overhead;
    size.written += layout.overhead + layout.copied_bytes();
    size.bytes += layout.overhead + layout.payload_bytes;
    if (layout.copied_bytes() == 0) size.slices_max += 1 + piece.payload.size();
  }
  if (size.bytes > kMessageBytesMax || size.overhead > kOverheadBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("A ", Format::kName, " of ", size.bytes, " bytes, ", size.overhead,
                                                   " of them not payload: the limits are ", kMessageBytesMax, " and ",
                                                   kOverheadBytesMax));
  }
  return size;
}

template <typename Format>
absl::StatusOr<std::vector<grpc::Slice>> Encode(const typename Format::Message& message) {
  std::vector<PieceLayout> layouts;
  const absl::StatusOr<MessageSize> size = Measure<Format>(message, &layouts);
  if (!size.ok()) return size.status();

  SliceWriter writer(size->written, size->slices_max);
  writer.AdvanceTo(message.rest.SerializeWithCachedSizesToArray(writer.at()));
  for (size_t i = 0; i < layouts.size(); ++i) {
    const auto& piece = message.pieces[i];
    const PieceLayout& layout = layouts[i];
    uint8_t* at = WritePrefix(Format::kPiecesField, layout.length, writer.at());
    at = piece.header.SerializeWithCachedSizesToArray(at);
    if (layout.payload_bytes > 0) at = WritePrefix(Format::kPayloadField, layout.payload_bytes, at);
    writer.AdvanceTo(at);
    if (layout.payload_bytes <= kCopiedPayloadBytesMax) {
      writer.Copy(piece.payload);
    } else {
      writer.ReferTo(piece.payload, piece.owner);
    }
  }
  return writer.Finish();
}

template <typename Format>
size_t SizeOf(const typename Format::Piece& piece) {
  const PieceLayout layout = LayOut<Format>(piece);
  return layout.overhead + layout.payload_bytes;
}

}  // namespace

absl::StatusOr<std::vector<grpc::Slice>> EncodeClientMessage(const SlicedClientMessage& message) {
  return Encode<ClientFormat>(message);
}

absl::StatusOr<std::vector<grpc::Slice>> EncodeServerMessage(const SlicedServerMessage& message) {
  return Encode<ServerFormat>(message);
}

size_t EncodedSize(const SlicedPushPiece& piece) { return SizeOf<ClientFormat>(piece); }
size_t EncodedSize(const SlicedWeightsPiece& piece) { return SizeOf<ServerFormat>(piece); }

}  // namespace downpour
