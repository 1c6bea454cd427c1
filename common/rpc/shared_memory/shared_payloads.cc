#include "common/rpc/shared_memory/shared_payloads.h"

#include <cstdint>
#include <cstring>
#include <optional>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace downpour {
namespace {

// Payloads begin on cache lines, so that none shares one with another, and elements are aligned.
constexpr size_t kAlignment = 64;

std::byte* CopyRuns(const PayloadRuns& runs, std::byte* to) {
  for (const absl::Span<const std::byte> run : runs) {
    if (run.empty()) continue;  // whose data may be null
    std::memcpy(to, run.data(), run.size());
    to += run.size();
  }
  return to;
}

absl::Status Fault(const wire::SharedPayload& reference, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("A payload of ", reference.length(), " bytes at ", reference.offset(),
                                                 " of slot ", reference.slot(),
                                                 " of shared memory: ", absl::string_view(what.data(), what.size())));
}

}  // namespace

template <typename Message>
void SharedPayloadWriter::Detach(Message* message) {
  size_t bytes = 0;
  for (const auto& piece : message->pieces) bytes += ByteCount(piece.payload);
  if (bytes < kSharedBytesMin) return;

  std::optional<RingWriter::Slot> slot;
  size_t used = 0;
  for (auto& piece : message->pieces) {
    const size_t length = ByteCount(piece.payload);
    if (length < kSharedPieceBytesMin) continue;
    size_t begin = (used + kAlignment - 1) / kAlignment * kAlignment;
    if (slot && begin + length > slot->memory.size()) {
      ring_.Commit(*slot, used);
      slot.reset();
    }
    if (!slot) {
      slot = ring_.Begin(impatient_ ? absl::ZeroDuration() : kSlotPatience);
      impatient_ = !slot;
      if (!slot) return;
      begin = used = 0;
      if (length > slot->memory.size()) {
        ring_.TakeBack(*slot);
        slot.reset();
        continue;
      }
    }
    CopyRuns(piece.payload, slot->memory.data() + begin);
    used = begin + length;
    wire::SharedPayload* const reference = piece.header.mutable_shared_payload();
    reference->set_slot(slot->index);
    reference->set_generation(slot->generation);
    reference->set_offset(static_cast<uint32_t>(begin));
    reference->set_length(static_cast<uint32_t>(length));
    piece.payload.clear();
    piece.owner.reset();
  }
  if (slot) ring_.Commit(*slot, used);
}

template <typename Message>
absl::Status SharedPayloadReader::Attach(Message* message) {
  struct Opened {
    uint32_t index;
    uint64_t generation;
    RingReader::Slot slot;
  };
  absl::InlinedVector<Opened, 2> opened;
  for (auto& piece : message->pieces) {
    if (!piece.header.has_shared_payload()) continue;
    const wire::SharedPayload reference = piece.header.shared_payload();
    if (!piece.payload.empty()) return Fault(reference, "the piece has another payload, in the message");
    // Those of one slot follow one another.
    if (opened.empty() || opened.back().index != reference.slot() ||
        opened.back().generation != reference.generation()) {
      DP_ASSIGN_OR_RETURN(RingReader::Slot slot, ring_.Open(reference.slot(), reference.generation()));
      opened.push_back({reference.slot(), reference.generation(), std::move(slot)});
    }
    const RingReader::Slot& slot = opened.back().slot;
    if (reference.length() == 0 || reference.offset() > slot.bytes.size() ||
        reference.length() > slot.bytes.size() - reference.offset()) {
      return Fault(reference, absl::StrCat("only ", slot.bytes.size(), " are in use"));
    }
    piece.payload.push_back(slot.bytes.subspan(reference.offset(), reference.length()));
    piece.owner = slot.hold;
    piece.header.clear_shared_payload();
  }
  return ring_.health();
}

template <typename Message>
absl::Status RefuseSharedPayloads(const Message& message) {
  for (const auto& piece : message.pieces) {
    if (piece.header.has_shared_payload()) {
      return Fault(piece.header.shared_payload(), "this stream has no shared memory");
    }
  }
  return absl::OkStatus();
}

template void SharedPayloadWriter::Detach(SlicedClientMessage* message);
template void SharedPayloadWriter::Detach(SlicedServerMessage* message);
template absl::Status SharedPayloadReader::Attach(SlicedClientMessage* message);
template absl::Status SharedPayloadReader::Attach(SlicedServerMessage* message);
template absl::Status RefuseSharedPayloads(const SlicedClientMessage& message);
template absl::Status RefuseSharedPayloads(const SlicedServerMessage& message);

}  // namespace downpour
