#include "common/rpc/data_plane_decoder.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "common/rpc/limits.h"
#include "common/rpc/sliced_format.h"
#include "common/rpc/wire_cursor.h"
#include "google/protobuf/message_lite.h"

namespace downpour {
namespace {

// The header promises 512 bytes for each entry, and a growing vector may hold its old and its new elements at once.
static_assert(2 * sizeof(SlicedPushPiece) <= 512 && 2 * sizeof(SlicedWeightsPiece) <= 512);

using ReceivedSlices = std::shared_ptr<const std::vector<grpc::Slice>>;

absl::Status Malformed(std::string_view what, size_t position, std::string_view fault) {
  return absl::InvalidArgumentError(
      absl::StrCat("This is not a ", ToAbsl(what), ": at byte ", position, ", ", ToAbsl(fault)));
}

// What is left of a message when payloads or pieces are cut out: protobuf parses it. In the canonical encoding it lies
// together and is parsed where it is; otherwise its parts are copied together.
class Remainder {
 public:
  // Adds the `count` bytes after `mark`. They come in order.
  void Add(WireCursor mark, size_t count) {
    if (count == 0) return;
    if (size_ == 0) {
      data_ = mark.Contiguous(count);
      if (data_ == nullptr) mark.Append(count, &copy_);
    } else {
      if (data_ != nullptr) copy_.assign(reinterpret_cast<const char*>(data_), size_);
      data_ = nullptr;
      mark.Append(count, &copy_);
    }
    size_ += count;
  }

  bool ParseInto(google::protobuf::MessageLite* message) const {
    const void* data = data_ != nullptr ? static_cast<const void*>(data_) : copy_.data();
    return size_ == 0 || message->ParseFromArray(data, static_cast<int>(size_));
  }

  // Forgets the bytes, but not the memory for copies.
  void Clear() {
    data_ = nullptr;
    size_ = 0;
    copy_.clear();
  }

 private:
  const uint8_t* data_ = nullptr;  // all bytes, where they lie together
  size_t size_ = 0;
  std::string copy_;  // all bytes, where they do not
};

// Decodes one message of the given kind; used once.
template <typename Format>
class Decoder {
 public:
  using Message = typename Format::Message;
  using Piece = typename Format::Piece;

  explicit Decoder(ReceivedSlices slices) : slices_(std::move(slices)), cursor_(*slices_) {}

  absl::StatusOr<Message> Decode() {
    if (cursor_.size() > kMessageBytesMax) {
      return absl::ResourceExhaustedError(
          absl::StrCat("A ", Format::kName, " of ", cursor_.size(), " bytes: the limit is ", kMessageBytesMax));
    }
    const size_t end = cursor_.size();
    while (cursor_.position() < end) {
      const WireCursor mark = cursor_;
      uint32_t tag = 0;
      if (++entries_ > kEntriesMax) {
        return absl::ResourceExhaustedError(
            absl::StrCat("A ", Format::kName, " of more than ", kEntriesMax, " entries: send several"));
      }
      if (const WireFault fault = cursor_.ReadTag(end, &tag); fault != WireFault::kNone) return FaultHere(fault);
      if (tag == LengthDelimitedTag(Format::kPiecesField)) {
        DP_RETURN_IF_ERROR(DecodePiece(mark));
        continue;
      }
      if (const WireFault fault = cursor_.SkipValue(tag, end, kWireDepthMax); fault != WireFault::kNone) {
        return FaultHere(fault);
      }
      DP_RETURN_IF_ERROR(AddTo(&rest_, mark));
    }
    if (!rest_.ParseInto(&message_.rest)) {
      return Malformed(Format::kName, end, "protobuf does not accept what is beside the pieces");
    }
    return std::move(message_);
  }

 private:
  absl::Status FaultHere(WireFault fault) const {
    return Malformed(Format::kName, cursor_.position(), WireFaultText(fault));
  }

  absl::Status Count(size_t overhead_bytes) {
    overhead_bytes_ += overhead_bytes;
    if (overhead_bytes_ <= kOverheadBytesMax) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat("A ", Format::kName, " with more than ", kOverheadBytesMax,
                                                     " bytes that are not payload: send several"));
  }

  // Adds what was passed since `mark`.
  absl::Status AddTo(Remainder* remainder, const WireCursor& mark) {
    const size_t count = cursor_.position() - mark.position();
    DP_RETURN_IF_ERROR(Count(count));
    remainder->Add(mark, count);
    return absl::OkStatus();
  }

  // The piece whose tag, at `mark`, was just read.
  absl::Status DecodePiece(const WireCursor& mark) {
    size_t length = 0;
    if (const WireFault fault = cursor_.ReadLength(cursor_.size(), &length); fault != WireFault::kNone) {
      return FaultHere(fault);
    }
    DP_RETURN_IF_ERROR(Count(cursor_.position() - mark.position()));
    const size_t end = cursor_.position() + length;
    Piece& piece = message_.pieces.emplace_back();
    header_.Clear();
    WireCursor header_mark = cursor_;  // where fields begin that header_ does not have yet
    while (cursor_.position() < end) {
      const WireCursor field_mark = cursor_;
      uint32_t tag = 0;
      if (const WireFault fault = cursor_.ReadTag(end, &tag); fault != WireFault::kNone) return FaultHere(fault);
      if (tag != LengthDelimitedTag(Format::kPayloadField)) {
        // A piece is one level down.
        const WireFault fault = cursor_.SkipValue(tag, end, kWireDepthMax - 1);
        if (fault != WireFault::kNone) return FaultHere(fault);
        continue;
      }
      const size_t header_bytes = field_mark.position() - header_mark.position();
      size_t payload_bytes = 0;
      if (const WireFault fault = cursor_.ReadLength(end, &payload_bytes); fault != WireFault::kNone) {
        return FaultHere(fault);
      }
      DP_RETURN_IF_ERROR(Count(cursor_.position() - header_mark.position()));
      header_.Add(header_mark, header_bytes);
      piece.payload.clear();  // of several the last counts
      cursor_.Take(payload_bytes, &piece.payload);
      header_mark = cursor_;
    }
    DP_RETURN_IF_ERROR(AddTo(&header_, header_mark));
    if (!header_.ParseInto(&piece.header)) {
      return Malformed(Format::kName, end, "protobuf does not accept the piece that ends here");
    }
    piece.owner = slices_;
    return absl::OkStatus();
  }

  const ReceivedSlices slices_;
  WireCursor cursor_;
  Message message_;
  Remainder rest_;
  Remainder header_;  // of the current piece
  size_t entries_ = 0;
  size_t overhead_bytes_ = 0;
};

template <typename Format>
absl::StatusOr<typename Format::Message> Decode(std::vector<grpc::Slice> slices) {
  return Decoder<Format>(std::make_shared<const std::vector<grpc::Slice>>(std::move(slices))).Decode();
}

template <typename Format>
absl::StatusOr<typename Format::Message> Decode(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (const grpc::Status status = buffer.Dump(&slices); !status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("The bytes of a ", Format::kName, " cannot be read: ", status.error_message()));
  }
  return Decode<Format>(std::move(slices));
}

}  // namespace

absl::StatusOr<SlicedClientMessage> DecodeClientMessage(std::vector<grpc::Slice> slices) {
  return Decode<ClientFormat>(std::move(slices));
}

absl::StatusOr<SlicedServerMessage> DecodeServerMessage(std::vector<grpc::Slice> slices) {
  return Decode<ServerFormat>(std::move(slices));
}

absl::StatusOr<SlicedClientMessage> DecodeClientMessage(const grpc::ByteBuffer& buffer) {
  return Decode<ClientFormat>(buffer);
}

absl::StatusOr<SlicedServerMessage> DecodeServerMessage(const grpc::ByteBuffer& buffer) {
  return Decode<ServerFormat>(buffer);
}

}  // namespace downpour
