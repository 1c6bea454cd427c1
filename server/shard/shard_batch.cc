// Pushes that wait for others, from the batch that applies them to their completions.

#include "absl/strings/str_cat.h"
#include "server/shard/gradient_sum.h"
#include "server/shard/shard.h"

namespace downpour {

void Shard::ApplyBatch(const PushBatch& batch, Completions* completions) {
  std::vector<const PushRequest*> pushes;
  std::vector<uint64_t> push_ids;
  for (const uint64_t push_id : batch.push_ids) {
    const auto held = held_.find(push_id);
    if (held == held_.end()) continue;
    push_ids.push_back(push_id);
    pushes.push_back(&held->second.request);
  }
  if (pushes.empty()) return;
  const Refusal refusal = ApplyTogether(pushes, batch.scale);
  for (const uint64_t push_id : push_ids) {
    PushOutcome outcome;
    if (refusal) {
      outcome = Refused(refusal);
    } else {
      outcome.fate = PushFate::kApplied;
    }
    FinishHeld(push_id, std::move(outcome), completions);
  }
}

// Refuses only for want of memory. The policy has counted these pushes then; their workers send them again and hear
// that they are late.
Refusal Shard::ApplyTogether(const std::vector<const PushRequest*>& pushes, float scale) {
  const absl::StatusOr<std::span<const UpdateArrays>> blocks = table_->BeginUpdate(nullptr);
  if (!blocks.ok()) {
    return Refusal(RefusalReason::kOutOfMemory, absl::StrCat(options_.name, ": ", blocks.status().message()));
  }
  StepFacts facts;
  facts.step = version_;
  facts.gradient_scale = scale;
  if (optimizer_->needs_gradient_norm() && !options_.whole_table) {
    // The norm of a sum is at most the sum of the norms. Clipping by that bound may clip more than needed, but every
    // shard of the table clips alike.
    double bound = 0;
    for (const PushRequest* push : pushes) bound += *push->table_gradient_norm;
    facts.gradient_squared_norm = bound * bound;
  }
  if (pushes.size() == 1) {
    Update(facts, pushes.front()->slices, pushes.front()->dtype, *blocks);
    return Refusal();
  }
  const std::optional<BlockArray> sum = SumGradients(kernels_, pushes, pool_);
  if (!sum.has_value()) {
    table_->AbandonUpdate();
    return Refusal(RefusalReason::kOutOfMemory,
                   absl::StrCat(options_.name, ": no memory for the sum of ", pushes.size(), " gradients"));
  }
  const std::vector<absl::Span<const std::byte>> slices = SlicesOf(*sum);
  Update(facts, slices, DType::kFloat32, *blocks);
  return Refusal();
}

void Shard::FinishHeld(uint64_t push_id, PushOutcome outcome, Completions* completions) {
  const auto held = held_.find(push_id);
  if (held == held_.end()) return;
  const PushRequest& push = held->second.request;
  outcome.version = version_;
  Member& member = members_.at(push.worker);
  const bool same_incarnation = member.incarnation == push.incarnation;
  switch (outcome.fate) {
    case PushFate::kApplied:
      CountApplied(push, held->second.staleness);
      if (same_incarnation) member.window.Finish(push.sequence, /*applied=*/true);
      break;
    case PushFate::kDropped:
      ++counters_.pushes_dropped;
      if (same_incarnation) member.window.Finish(push.sequence, /*applied=*/false);
      break;
    default:
      if (same_incarnation) member.window.Release(push.sequence);
      break;
  }
  completions->pushes.push_back({push.worker, push.incarnation, push.sequence, std::move(outcome)});
  held_.erase(held);
}

void Shard::FenceHeld(WorkerId worker, const Refusal& refusal, Completions* completions) {
  std::vector<uint64_t> push_ids;
  for (const auto& [push_id, held] : held_) {
    if (held.request.worker == worker) push_ids.push_back(push_id);
  }
  for (const uint64_t push_id : push_ids) {
    ++counters_.pushes_fenced;
    PushOutcome outcome;
    outcome.refusal = refusal;
    FinishHeld(push_id, std::move(outcome), completions);
  }
}

}  // namespace downpour
