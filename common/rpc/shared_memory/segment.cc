#include "common/rpc/shared_memory/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace downpour {
namespace {

constexpr uint32_t kPageBytes = 4096;
constexpr uint32_t kSlotsMax = 1024;
constexpr uint32_t kSlotBytesMax = 4u << 20;
constexpr size_t kSegmentBytesMax = size_t{512} << 20;
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

// The words of one direction: its bell, its headers, its releases.
size_t WordsBytes(const SegmentShape& shape) {
  return sizeof(RingBell) + shape.slot_count * (sizeof(SlotHeader) + sizeof(SlotRelease));
}

// The words of both directions come first; slots begin on a page of their own.
size_t SlotsOffset(const SegmentShape& shape) {
  return (2 * WordsBytes(shape) + kPageBytes - 1) / kPageBytes * kPageBytes;
}

size_t SlotsBytes(const SegmentShape& shape) { return size_t{shape.slot_count} * shape.slot_bytes; }

absl::Status Fault(const char* what) {
  const int error = errno;
  return absl::ResourceExhaustedError(absl::StrCat("Shared memory for payloads: ", what, ": ", std::strerror(error)));
}

}  // namespace

absl::Status CheckShape(const SegmentShape& shape) {
  if (shape.slot_count >= 1 && shape.slot_count <= kSlotsMax && shape.slot_bytes >= kPageBytes &&
      shape.slot_bytes <= kSlotBytesMax && shape.slot_bytes % kPageBytes == 0 &&
      SegmentBytes(shape) <= kSegmentBytesMax) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "Shared memory of ", shape.slot_count, " slots of ", shape.slot_bytes, " bytes for each direction: at most ",
      kSlotsMax, " slots of whole pages up to ", kSlotBytesMax, " bytes, and ", kSegmentBytesMax, " bytes in all"));
}

size_t SegmentBytes(const SegmentShape& shape) { return SlotsOffset(shape) + 2 * SlotsBytes(shape); }

absl::StatusOr<Segment::New> Segment::Create(const SegmentShape& shape) {
  DP_RETURN_IF_ERROR(CheckShape(shape));
  New made;
  made.fd = OwnedFd(memfd_create("downpour-payload", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!made.fd) return Fault("memfd_create");
  // Not ftruncate: pages that cannot be had must fail here, and not be a SIGBUS later.
  if (fallocate(made.fd.get(), 0, 0, static_cast<off_t>(SegmentBytes(shape))) != 0) return Fault("fallocate");
  if (fcntl(made.fd.get(), F_ADD_SEALS, kSeals) != 0) return Fault("F_ADD_SEALS");
  DP_ASSIGN_OR_RETURN(made.segment, Map(made.fd.get(), shape));
  return made;
}

absl::StatusOr<std::shared_ptr<Segment>> Segment::Adopt(const OwnedFd& fd, const SegmentShape& shape) {
  DP_RETURN_IF_ERROR(CheckShape(shape));
  const int seals = fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
    return absl::InvalidArgumentError("What was handed over as shared memory could shrink under us");
  }
  struct stat status = {};
  if (fstat(fd.get(), &status) != 0) return Fault("fstat");
  if (static_cast<size_t>(status.st_size) != SegmentBytes(shape)) {
    return absl::InvalidArgumentError(absl::StrCat("The shared memory handed over has ", status.st_size,
                                                   " bytes, and not the ", SegmentBytes(shape), " of its shape"));
  }
  return Map(fd.get(), shape);
}

absl::StatusOr<std::shared_ptr<Segment>> Segment::Map(int fd, const SegmentShape& shape) {
  void* const base = mmap(nullptr, SegmentBytes(shape), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (base == MAP_FAILED) return Fault("mmap");
  return std::shared_ptr<Segment>(new Segment(static_cast<std::byte*>(base), shape));
}

Segment::~Segment() { munmap(base_, SegmentBytes(shape_)); }

std::byte* Segment::words(Direction direction) const {
  return base_ + static_cast<size_t>(direction) * WordsBytes(shape_);
}

RingBell& Segment::bell(Direction direction) const { return *reinterpret_cast<RingBell*>(words(direction)); }

SlotHeader& Segment::header(Direction direction, uint32_t slot) const {
  return reinterpret_cast<SlotHeader*>(words(direction) + sizeof(RingBell))[slot];
}

SlotRelease& Segment::release(Direction direction, uint32_t slot) const {
  const size_t headers = shape_.slot_count * sizeof(SlotHeader);
  return reinterpret_cast<SlotRelease*>(words(direction) + sizeof(RingBell) + headers)[slot];
}

absl::Span<std::byte> Segment::memory(Direction direction, uint32_t slot) const {
  std::byte* const slots = base_ + SlotsOffset(shape_) + static_cast<size_t>(direction) * SlotsBytes(shape_);
  return {slots + size_t{slot} * shape_.slot_bytes, shape_.slot_bytes};
}

absl::Status Segment::MakeReadOnly(Direction direction) {
  if (mprotect(memory(direction, 0).data(), SlotsBytes(shape_), PROT_READ) != 0) return Fault("mprotect");
  return absl::OkStatus();
}

}  // namespace downpour
