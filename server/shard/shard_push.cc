// One push, from its arrival to its outcome.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/optimizer/apply.h"
#include "server/shard/gradient_check.h"
#include "server/shard/shard.h"

namespace downpour {

PushAnswer Shard::Push(PushRequest request) {
  PushAnswer answer;
  {
    MutexLock lock(&mutex_);
    if (std::optional<PushOutcome> early = AnswerEarly(request); early.has_value()) {
      answer.outcome = *std::move(early);
      return answer;
    }
  }
  // The longest check needs nothing of the shard, so others go on meanwhile; what was checked before is checked again.
  Refusal not_finite = CheckGradientFinite(kernels_, request);

  const auto own = [worker = request.worker, incarnation = request.incarnation,
                    sequence = request.sequence](const PushCompletion& completion) {
    return completion.worker == worker && completion.incarnation == incarnation && completion.sequence == sequence;
  };
  MutexLock lock(&mutex_);
  if (std::optional<PushOutcome> early = AnswerEarly(request); early.has_value()) {
    answer.outcome = *std::move(early);
    return answer;
  }
  if (not_finite) {
    answer.outcome =
        Refused(Refusal(not_finite.reason, absl::StrCat(options_.name, ": ", not_finite.status.message())));
    return answer;
  }
  answer.outcome = Admit(std::move(request));
  if (answer.outcome.fate == PushFate::kRefused) return answer;
  Settle(&answer.completions);

  // A push that was the last of its batch is held for no longer than this call.
  std::vector<PushCompletion>& pushes = answer.completions.pushes;
  const auto completion = std::find_if(pushes.begin(), pushes.end(), own);
  if (completion != pushes.end()) {
    answer.outcome = std::move(completion->outcome);
    pushes.erase(completion);
  }
  return answer;
}

std::optional<PushOutcome> Shard::AnswerEarly(const PushRequest& push) {
  const SequenceWindow::Fate fate = FateOf(push);
  if (Refusal refusal = CheckPush(push, fate); refusal) return Refused(std::move(refusal));
  if (fate == SequenceWindow::Fate::kUnknown) return std::nullopt;
  ++counters_.duplicates;
  PushOutcome duplicate;
  duplicate.duplicate = true;
  duplicate.version = version_;
  duplicate.fate = fate == SequenceWindow::Fate::kApplied   ? PushFate::kApplied
                   : fate == SequenceWindow::Fate::kDropped ? PushFate::kDropped
                                                            : PushFate::kHeld;
  return duplicate;
}

PushOutcome Shard::Admit(PushRequest request) {
  // Memory before the policy: once that has taken note of a push, it is not refused any more.
  const Snapshot* const pulled = FindPulled(request);
  const absl::StatusOr<std::span<const UpdateArrays>> blocks = table_->BeginUpdate(pulled);
  if (!blocks.ok()) {
    return Refused(Refusal(RefusalReason::kOutOfMemory, absl::StrCat(options_.name, ": ", blocks.status().message())));
  }
  const PushRuling ruling = policy_->OnPush({.worker = request.worker,
                                             .push_id = next_push_id_,
                                             .clock = request.clock,
                                             .version_pulled = request.version_pulled,
                                             .version_now = version_});
  if (ruling.verdict != PushVerdict::kApply) table_->AbandonUpdate();
  if (ruling.verdict == PushVerdict::kRefuse) {
    return Refused(Refusal(RefusalReason::kPolicy, absl::StrCat(options_.name, ": ", ruling.reason)));
  }

  const uint64_t push_id = next_push_id_++;
  SequenceWindow& window = members_.at(request.worker).window;
  PushOutcome outcome;
  if (ruling.verdict == PushVerdict::kApply) {
    window.Finish(request.sequence, /*applied=*/true);
    ApplyNow(request, ruling, *blocks, pulled);
    outcome.fate = PushFate::kApplied;
  } else if (ruling.verdict == PushVerdict::kDrop) {
    window.Finish(request.sequence, /*applied=*/false);
    ++counters_.pushes_dropped;
    outcome.fate = PushFate::kDropped;
  } else {
    window.Take(request.sequence);
    const uint64_t staleness = version_ - request.version_pulled;
    held_.emplace(push_id, HeldPush{std::move(request), staleness});
    outcome.fate = PushFate::kHeld;
  }
  outcome.version = version_;
  return outcome;
}

void Shard::ApplyNow(const PushRequest& push, const PushRuling& ruling, std::span<const UpdateArrays> blocks,
                     const Snapshot* pulled) {
  const uint64_t staleness = version_ - push.version_pulled;
  StepFacts facts;
  facts.step = version_;
  facts.rate_scale = ruling.rate_scale;
  facts.gradient_scale = ruling.gradient_scale;
  if (!options_.whole_table && push.table_gradient_norm.has_value()) {
    facts.gradient_squared_norm = *push.table_gradient_norm * *push.table_gradient_norm;
  }
  Update(facts, push.slices, push.dtype, blocks);
  CountApplied(push, staleness);
  if (optimizer_->needs_pulled_weights()) {
    if (pulled == nullptr && staleness > 0) ++counters_.uncompensated;
    std::erase_if(members_.at(push.worker).pulled,
                  [&](const Weights& weights) { return weights.version < push.version_pulled; });
  }
}

const Snapshot* Shard::FindPulled(const PushRequest& push) const {
  if (!optimizer_->needs_pulled_weights() || push.version_pulled == version_) return nullptr;
  for (const Weights& weights : members_.at(push.worker).pulled) {
    if (weights.version == push.version_pulled) return &weights.values;
  }
  return nullptr;
}

void Shard::Update(const StepFacts& facts, Slices gradient, DType dtype, std::span<const UpdateArrays> blocks) {
  ApplyUpdate(kernels_, *optimizer_, facts, gradient, dtype, absl::MakeConstSpan(blocks.data(), blocks.size()));
  const TableShard::Committed committed = table_->CommitUpdate();
  counters_.blocks_in_place += committed.blocks_in_place;
  counters_.blocks_copied += committed.blocks_copied;
  ++version_;
}

void Shard::CountApplied(const PushRequest& push, uint64_t staleness) {
  ++counters_.pushes_applied;
  counters_.push_bytes += push.element_count * DTypeSize(push.dtype);
  counters_.staleness.Add(staleness);
}

PushOutcome Shard::Refused(Refusal refusal) {
  Count(refusal);
  PushOutcome outcome;
  outcome.version = version_;
  outcome.refusal = std::move(refusal);
  return outcome;
}

}  // namespace downpour
