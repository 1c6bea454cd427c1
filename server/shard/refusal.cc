#include "server/shard/refusal.h"

#include "common/base/string_view.h"

namespace downpour {
namespace {

struct Kind {
  std::string_view name;
  absl::StatusCode code;
};

Kind KindOf(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kNone:
      return {"none", absl::StatusCode::kOk};
    case RefusalReason::kEpochStale:
      return {"epoch_stale", absl::StatusCode::kFailedPrecondition};
    case RefusalReason::kEpochFuture:
      return {"epoch_future", absl::StatusCode::kUnavailable};
    case RefusalReason::kUnknownWorker:
      return {"unknown_worker", absl::StatusCode::kFailedPrecondition};
    case RefusalReason::kIncarnationStale:
      return {"incarnation_stale", absl::StatusCode::kFailedPrecondition};
    case RefusalReason::kIncarnationFuture:
      return {"incarnation_future", absl::StatusCode::kFailedPrecondition};
    case RefusalReason::kSequenceZero:
      return {"sequence_zero", absl::StatusCode::kInvalidArgument};
    case RefusalReason::kSequenceOld:
      return {"sequence_old", absl::StatusCode::kFailedPrecondition};
    case RefusalReason::kSequenceAhead:
      return {"sequence_ahead", absl::StatusCode::kFailedPrecondition};
    case RefusalReason::kVersionFuture:
      return {"version_future", absl::StatusCode::kFailedPrecondition};
    case RefusalReason::kDType:
      return {"dtype", absl::StatusCode::kInvalidArgument};
    case RefusalReason::kElementCount:
      return {"element_count", absl::StatusCode::kInvalidArgument};
    case RefusalReason::kByteCount:
      return {"byte_count", absl::StatusCode::kInvalidArgument};
    case RefusalReason::kGradientNorm:
      return {"gradient_norm", absl::StatusCode::kInvalidArgument};
    case RefusalReason::kNotFinite:
      return {"not_finite", absl::StatusCode::kInvalidArgument};
    case RefusalReason::kOutOfMemory:
      return {"out_of_memory", absl::StatusCode::kResourceExhausted};
    case RefusalReason::kPolicy:
      return {"policy", absl::StatusCode::kFailedPrecondition};
    case RefusalReason::kNoAverage:
      return {"no_average", absl::StatusCode::kFailedPrecondition};
    case RefusalReason::kTooManyPulls:
      return {"too_many_pulls", absl::StatusCode::kResourceExhausted};
  }
  return {"unknown", absl::StatusCode::kInternal};
}

}  // namespace

std::string_view RefusalReasonName(RefusalReason reason) { return KindOf(reason).name; }

Refusal::Refusal(RefusalReason reason, std::string_view message)
    : reason(reason), status(KindOf(reason).code, ToAbsl(message)) {}

}  // namespace downpour
