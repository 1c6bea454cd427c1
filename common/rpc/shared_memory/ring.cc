#include "common/rpc/shared_memory/ring.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"

namespace downpour {
namespace {

// Of a header, so that chance bytes are not taken for one.
uint32_t Checksum(Direction direction, uint32_t slot, uint64_t generation, uint32_t length) {
  const std::array<uint64_t, 2> words = {uint64_t{slot} << 32 | length, generation};
  return ExtendCrc32c(static_cast<uint32_t>(direction), std::as_bytes(std::span(words)));
}

}  // namespace

RingWriter::RingWriter(std::shared_ptr<Segment> segment, Direction direction)
    : segment_(std::move(segment)), direction_(direction), generations_(segment_->shape().slot_count) {
  free_.reserve(generations_.size());
  given_.reserve(generations_.size());
  for (uint32_t slot = segment_->shape().slot_count; slot > 0; --slot) free_.push_back(slot - 1);
}

std::optional<RingWriter::Slot> RingWriter::Begin(absl::Duration patience) {
  CollectReleased();
  if (free_.empty() && patience > absl::ZeroDuration()) WaitForRelease(patience);
  if (free_.empty()) return std::nullopt;
  const uint32_t slot = free_.back();
  free_.pop_back();
  given_.push_back(slot);
  const uint64_t generation = ++generations_[slot];
  // Before any byte of the new payload: who still reads the old one can see that it is over.
  segment_->header(direction_, slot).generation.exchange(generation, std::memory_order_acq_rel);
  return Slot{slot, generation, segment_->memory(direction_, slot)};
}

void RingWriter::Commit(const Slot& slot, size_t length) {
  SlotHeader& header = segment_->header(direction_, slot.index);
  const uint32_t bytes = static_cast<uint32_t>(length);
  header.length.store(bytes, std::memory_order_relaxed);
  header.checksum.store(Checksum(direction_, slot.index, slot.generation, bytes), std::memory_order_relaxed);
  // Again, now as what the reader's look at the generation orders all of the above by.
  header.generation.store(slot.generation, std::memory_order_release);
}

void RingWriter::TakeBack(const Slot& slot) {
  given_.erase(std::find(given_.begin(), given_.end(), slot.index));
  free_.push_back(slot.index);
}

size_t RingWriter::CountFree() {
  CollectReleased();
  return free_.size();
}

void RingWriter::CollectReleased() {
  // In the order of giving, which is about that of letting go: so the last of these is let go last.
  const auto is_released = [this](uint32_t slot) {
    const uint64_t released = segment_->release(direction_, slot).generation.load(std::memory_order_acquire);
    if (released != generations_[slot]) return false;
    free_.push_back(slot);
    return true;
  };
  std::erase_if(given_, is_released);
}

void RingWriter::WaitForRelease(absl::Duration patience) {
  RingBell& bell = segment_->bell(direction_);
  const uint32_t rung = bell.rung.load();
  bell.waiting.store(1);
  // The reader lets go and then looks whether somebody waits, we say that we wait and then look: one of us sees it.
  CollectReleased();
  if (free_.empty()) {
    const timespec timeout = absl::ToTimespec(patience);
    // A peer that rings without cause only makes the wait shorter; an interrupted one is as good as over.
    syscall(SYS_futex, &bell.rung, FUTEX_WAIT, rung, &timeout, nullptr, 0);
    CollectReleased();
  }
  bell.waiting.store(0);
}

// What holds need of a reader.
class RingReader::State {
 public:
  State(std::shared_ptr<Segment> segment, Direction direction)
      : segment_(std::move(segment)), direction_(direction), opened_(segment_->shape().slot_count) {}

  absl::StatusOr<absl::Span<const std::byte>> Open(uint32_t slot, uint64_t generation) {
    if (slot >= opened_.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("A payload in slot ", slot, " of shared memory, which has ", opened_.size()));
    }
    Opened& opened = opened_[slot];
    if (opened.held.load(std::memory_order_acquire)) {
      return absl::InvalidArgumentError(
          absl::StrCat("A payload in slot ", slot, " of shared memory, where another is being read"));
    }
    SlotHeader& header = segment_->header(direction_, slot);
    const uint64_t actual = header.generation.load(std::memory_order_acquire);
    const uint32_t length = header.length.load(std::memory_order_relaxed);
    const uint32_t checksum = header.checksum.load(std::memory_order_relaxed);
    if (generation <= opened.generation || actual != generation) {
      return absl::InvalidArgumentError(absl::StrCat("A payload in slot ", slot, " of shared memory, generation ",
                                                     generation, ", where generation ", actual, " is"));
    }
    if (length == 0 || length > segment_->shape().slot_bytes ||
        checksum != Checksum(direction_, slot, generation, length)) {
      return absl::InvalidArgumentError(
          absl::StrCat("A payload in slot ", slot, " of shared memory, whose header is damaged"));
    }
    opened.generation = generation;
    opened.held.store(true, std::memory_order_relaxed);
    return segment_->memory(direction_, slot).subspan(0, length);
  }

  void Close(uint32_t slot, uint64_t generation) {
    if (segment_->header(direction_, slot).generation.load(std::memory_order_acquire) != generation) {
      torn_.store(true, std::memory_order_relaxed);
    }
    opened_[slot].held.store(false, std::memory_order_release);
    segment_->release(direction_, slot).generation.store(generation);
    RingBell& bell = segment_->bell(direction_);
    if (bell.waiting.load() == 0) return;
    bell.rung.fetch_add(1);
    syscall(SYS_futex, &bell.rung, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }

  bool torn() const { return torn_.load(std::memory_order_relaxed); }

 private:
  struct Opened {
    uint64_t generation = 0;         // the last that was opened; touched by Open only
    std::atomic<bool> held = false;  // and not let go yet
  };

  const std::shared_ptr<Segment> segment_;
  const Direction direction_;
  std::vector<Opened> opened_;
  std::atomic<bool> torn_ = false;
};

RingReader::RingReader(std::shared_ptr<Segment> segment, Direction direction)
    : state_(std::make_shared<State>(std::move(segment), direction)) {}

absl::StatusOr<RingReader::Slot> RingReader::Open(uint32_t index, uint64_t generation) {
  const absl::StatusOr<absl::Span<const std::byte>> bytes = state_->Open(index, generation);
  if (!bytes.ok()) return bytes.status();
  std::shared_ptr<const void> hold(
      bytes->data(), [state = state_, index, generation](const void*) { state->Close(index, generation); });
  return Slot{*bytes, std::move(hold)};
}

absl::Status RingReader::health() const {
  if (!state_->torn()) return absl::OkStatus();
  return absl::DataLossError("The peer wrote a slot of shared memory while it was being read");
}

}  // namespace downpour
