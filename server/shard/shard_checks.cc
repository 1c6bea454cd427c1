// What can be wrong with a request, in the order of RefusalReason.

#include <iterator>

#include "absl/strings/str_cat.h"
#include "server/shard/gradient_check.h"
#include "server/shard/shard.h"

namespace downpour {

Refusal Shard::CheckSender(uint64_t epoch, WorkerId worker, uint64_t incarnation) const {
  if (epoch < epoch_) {
    return Refusal(RefusalReason::kEpochStale,
                   absl::StrCat(options_.name, ": the shard map of epoch ", epoch, " is out of date, this is epoch ",
                                epoch_, "; fetch the new one and send again under the same sequence number"));
  }
  if (epoch > epoch_) {
    return Refusal(RefusalReason::kEpochFuture,
                   absl::StrCat(options_.name, ": epoch ", epoch, " is not known here yet, this is epoch ", epoch_,
                                "; send again soon"));
  }
  const auto found = members_.find(worker);
  if (found == members_.end()) {
    return Refusal(RefusalReason::kUnknownWorker, absl::StrCat(options_.name, ": worker ", worker, " has not joined"));
  }
  const Member& member = found->second;
  if (incarnation < member.incarnation) {
    return Refusal(RefusalReason::kIncarnationStale,
                   absl::StrCat(options_.name, ": incarnation ", incarnation, " of worker ", worker,
                                " is fenced: incarnation ", member.incarnation, " has joined"));
  }
  if (!member.live) {
    return Refusal(RefusalReason::kUnknownWorker,
                   absl::StrCat(options_.name, ": worker ", worker, " (incarnation ", member.incarnation,
                                ") has left or was given up for dead; join again"));
  }
  if (incarnation > member.incarnation) {
    return Refusal(RefusalReason::kIncarnationFuture,
                   absl::StrCat(options_.name, ": incarnation ", incarnation, " of worker ", worker,
                                " has not joined, the last that did is ", member.incarnation));
  }
  return Refusal();
}

SequenceWindow::Fate Shard::FateOf(const PushRequest& push) const {
  const auto found = members_.find(push.worker);
  if (push.sequence == 0 || found == members_.end()) return SequenceWindow::Fate::kUnknown;
  return found->second.window.FateOf(push.sequence);
}

Refusal Shard::CheckSequence(const PushRequest& push, SequenceWindow::Fate fate) const {
  if (push.sequence == 0) {
    return Refusal(RefusalReason::kSequenceZero, absl::StrCat(options_.name, ": this push of worker ", push.worker,
                                                              " has the sequence number 0; they start at 1"));
  }
  const uint64_t highest = members_.at(push.worker).window.highest();
  if (fate == SequenceWindow::Fate::kOld) {
    return Refusal(RefusalReason::kSequenceOld,
                   absl::StrCat(options_.name, ": push ", push.sequence, " of worker ", push.worker, " is ",
                                highest - push.sequence, " below its highest, ", highest,
                                "; what became of it is no longer known"));
  }
  if (fate == SequenceWindow::Fate::kAhead) {
    return Refusal(RefusalReason::kSequenceAhead,
                   absl::StrCat(options_.name, ": push ", push.sequence, " of worker ", push.worker,
                                " is too far ahead: its highest is ", highest, ", and at most ", kSequenceWindow,
                                " may be without an answer"));
  }
  return Refusal();
}

Refusal Shard::CheckPush(const PushRequest& push, SequenceWindow::Fate fate) const {
  if (Refusal refusal = CheckSender(push.epoch, push.worker, push.incarnation); refusal) return refusal;
  if (Refusal refusal = CheckSequence(push, fate); refusal) return refusal;
  if (fate != SequenceWindow::Fate::kUnknown) return Refusal();  // a duplicate: its content does not matter any more
  if (push.version_pulled > version_) {
    return Refusal(RefusalReason::kVersionFuture,
                   absl::StrCat(options_.name, ": the gradient is computed from version ", push.version_pulled,
                                ", this is version ", version_, " (the server was restored?); pull again"));
  }
  const bool needs_norm = optimizer_->needs_gradient_norm() && !options_.whole_table;
  Refusal refusal = CheckGradientForm(push, element_count_, needs_norm);
  return refusal ? Refusal(refusal.reason, absl::StrCat(options_.name, ": ", refusal.status.message())) : refusal;
}

Refusal Shard::CheckPull(const PullRequest& pull) const {
  if (Refusal refusal = CheckSender(pull.epoch, pull.worker, pull.incarnation); refusal) return refusal;
  if (pull.want_average && !has_average_) {
    return Refusal(RefusalReason::kNoAverage,
                   absl::StrCat(options_.name, ": the job keeps no average of the weights; pull the weights"));
  }
  const PullKey key(pull.worker, pull.ticket);
  const auto first = waiting_.lower_bound(PullKey(pull.worker, 0));
  size_t waiting = 0;
  for (auto it = first; it != waiting_.end() && it->first.first == pull.worker; ++it) ++waiting;
  if (waiting >= kWaitingPullsMax && !waiting_.contains(key)) {
    return Refusal(RefusalReason::kTooManyPulls, absl::StrCat(options_.name, ": ", waiting, " pulls of worker ",
                                                              pull.worker, " wait already; await an answer first"));
  }
  return Refusal();
}

}  // namespace downpour
