#include "tests/sim/planted_bugs.h"

namespace downpour::sim {
namespace {

constexpr PlantedBug kBugs[] = {
    {Bug::kStalenessBoundOffByOne, "staleness_bound_off_by_one", "bounded_staleness",
     "a pull is answered one step beyond the bound"},
    {Bug::kDeadWorkerWaitedFor, "dead_worker_waited_for", "sync", "the policy does not hear of workers that leave"},
    {Bug::kJoinClockIsZero, "join_clock_is_zero", "bounded_staleness", "newcomers of a running job start from clock 0"},
    {Bug::kBatchNotAveraged, "batch_not_averaged", "sync", "the gradients of a step are added up, not averaged"},
    {Bug::kBatchOneShort, "batch_one_short", "sync_with_backups", "a step is finished by one gradient too few"},
    {Bug::kBatchOneTooMany, "batch_one_too_many", "sync_with_backups", "a step waits for one gradient too many"},
    {Bug::kLateGradientApplied, "late_gradient_applied", "sync_with_backups",
     "a backup worker's late gradient is applied instead of dropped"},
    {Bug::kHeldPushLostOnLeave, "held_push_lost_on_leave", "sync",
     "what a worker had pushed leaves the batch when the worker leaves"},
    {Bug::kPullAnsweredEarly, "pull_answered_early", "sync", "a pull does not wait for its step to be finished"},
    {Bug::kShareCountsTheDead, "share_counts_the_dead", "async_model_averaging",
     "a difference is divided by the workers that ever joined"},
    {Bug::kStalenessRateOffByOne, "staleness_rate_off_by_one", "staleness_aware_rate",
     "the rate is divided by staleness + 1"},
    {Bug::kWarmStartNotAlone, "warm_start_not_alone", "warm_start", "pulls are answered during the warm start"},
    {Bug::kWarmStartEndsWithItsWorker, "warm_start_ends_with_its_worker", "warm_start",
     "nobody takes over when the worker that trains alone dies"},
    {Bug::kNewcomersWaitForEachOther, "newcomers_wait_for_each_other", "sync",
     "every newcomer waits for the round to finish, even where it is awaited elsewhere"},

    {Bug::kRetryAppliedTwice, "retry_applied_twice", "", "the shard does not recognise a push that is sent again"},
    {Bug::kWindowTooShort, "window_too_short", "async", "the shard remembers the last four pushes only"},
    {Bug::kWindowNotPerIncarnation, "window_not_per_incarnation", "",
     "pushes of a new incarnation are taken for those of the old one"},
    {Bug::kWindowSharedByWorkers, "window_shared_by_workers", "", "pushes of one worker are taken for another's"},
    {Bug::kAckBeforeApply, "ack_before_apply", "sync", "a push that is held is acknowledged as applied"},
    {Bug::kAckWithoutApply, "ack_without_apply", "async", "now and then a push is acknowledged and thrown away"},
    {Bug::kStaleIncarnationAccepted, "stale_incarnation_accepted", "",
     "a push of an incarnation that was replaced is taken"},
    {Bug::kStaleEpochAccepted, "stale_epoch_accepted", "", "a request by an old shard map is taken"},
    {Bug::kLeaveHitsAnyIncarnation, "leave_hits_any_incarnation", "",
     "a late notice that a worker has left removes its next incarnation"},
    {Bug::kVersionNotAdvanced, "version_not_advanced", "", "now and then an update keeps the version"},
    {Bug::kTornPull, "torn_pull", "", "an answer is half of one version and half of the one before"},
    {Bug::kAnswerChangesLater, "answer_changes_later", "", "weights change after they were given out"},
    {Bug::kDropAcknowledgedAsApplied, "drop_acknowledged_as_applied", "sync_with_backups",
     "a late gradient is dropped, but acknowledged as applied"},
    {Bug::kRetryOfHeldCounted, "retry_of_held_counted", "sync", "a retry of a held push counts as one more"},
    {Bug::kWaitingPullsForgottenOnLeave, "waiting_pulls_forgotten_on_leave", "bounded_staleness",
     "pulls that come due when a worker leaves are never answered"},
    {Bug::kOldPullLeftWaiting, "old_pull_left_waiting", "sync",
     "pulls of the old incarnation go on waiting when its worker joins anew"},
    {Bug::kNanAccepted, "nan_accepted", "", "a gradient that is not finite is taken as if its NaN were a zero"},

    {Bug::kRetryUnderNewNumber, "retry_under_new_number", "async",
     "the client sends again under a new sequence number"},
    {Bug::kUnansweredSentAgainAfterRejoin, "unanswered_sent_again_after_rejoin", "async",
     "the client sends what had no answer again when it has joined anew"},
    {Bug::kLargestClockTaken, "largest_clock_taken", "sync_with_backups",
     "the client takes the largest clock of its shards' answers instead of the smallest"},
    {Bug::kDeadNeverRemoved, "dead_never_removed", "sync", "the coordinator does not notice that workers die"},
    {Bug::kIncarnationUsedAgain, "incarnation_used_again", "",
     "the coordinator gives a new process the incarnation of the old one"},
};

}  // namespace

absl::Span<const PlantedBug> PlantedBugs() { return kBugs; }

std::optional<PlantedBug> FindPlantedBug(std::string_view name) {
  for (const PlantedBug& bug : kBugs) {
    if (bug.name == name) return bug;
  }
  return std::nullopt;
}

}  // namespace downpour::sim
