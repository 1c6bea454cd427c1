#ifndef DOWNPOUR_TESTS_SIM_PLANTED_BUGS_H_
#define DOWNPOUR_TESTS_SIM_PLANTED_BUGS_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/types/span.h"

namespace downpour::sim {

// Bugs that can be planted into a run, to show that the simulator would find them. None of them is in the code under
// test: they live in what stands around it (planted_policies.h, planted_shards.h), or in the simulated processes.
enum class Bug : uint8_t {
  kNone,
  // In the policy
  kStalenessBoundOffByOne,
  kDeadWorkerWaitedFor,
  kJoinClockIsZero,
  kBatchNotAveraged,
  kBatchOneShort,
  kBatchOneTooMany,
  kLateGradientApplied,
  kHeldPushLostOnLeave,
  kPullAnsweredEarly,
  kShareCountsTheDead,
  kStalenessRateOffByOne,
  kWarmStartNotAlone,
  kWarmStartEndsWithItsWorker,
  kNewcomersWaitForEachOther,
  // In the shard
  kRetryAppliedTwice,
  kWindowTooShort,
  kWindowNotPerIncarnation,
  kWindowSharedByWorkers,
  kAckBeforeApply,
  kAckWithoutApply,
  kStaleIncarnationAccepted,
  kStaleEpochAccepted,
  kLeaveHitsAnyIncarnation,
  kVersionNotAdvanced,
  kTornPull,
  kAnswerChangesLater,
  kDropAcknowledgedAsApplied,
  kRetryOfHeldCounted,
  kWaitingPullsForgottenOnLeave,
  kOldPullLeftWaiting,
  kNanAccepted,
  // In worker and coordinator
  kRetryUnderNewNumber,
  kUnansweredSentAgainAfterRejoin,
  kLargestClockTaken,
  kDeadNeverRemoved,
  kIncarnationUsedAgain,
};

struct PlantedBug {
  Bug bug;
  std::string_view name;
  std::string_view policy;  // under which it shows; empty: any
  std::string_view what;
};

absl::Span<const PlantedBug> PlantedBugs();

// By name; nothing if there is none of that name.
std::optional<PlantedBug> FindPlantedBug(std::string_view name);

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_PLANTED_BUGS_H_
