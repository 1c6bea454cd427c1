#include "common/rpc/shared_memory/memory_budget.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace downpour {

absl::StatusOr<Segment::New> MemoryBudget::Make(const SegmentShape& shape) {
  DP_RETURN_IF_ERROR(CheckShape(shape));
  const size_t bytes = SegmentBytes(shape);
  {
    MutexLock lock(&mutex_);
    if (bytes > bytes_max_ - bytes_in_use_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("Shared memory for payloads: ", bytes_in_use_, " of ", bytes_max_, " bytes are in use"));
    }
    bytes_in_use_ += bytes;
  }
  const std::shared_ptr<void> share(nullptr, [budget = shared_from_this(), bytes](void*) {
    MutexLock lock(&budget->mutex_);
    budget->bytes_in_use_ -= bytes;
  });
  DP_ASSIGN_OR_RETURN(Segment::New made, Segment::Create(shape));
  // The share ends after the segment.
  const auto counted =
      std::make_shared<std::pair<std::shared_ptr<void>, std::shared_ptr<Segment>>>(share, std::move(made.segment));
  made.segment = std::shared_ptr<Segment>(counted, counted->second.get());
  return made;
}

size_t MemoryBudget::bytes_in_use() const {
  MutexLock lock(&mutex_);
  return bytes_in_use_;
}

}  // namespace downpour
