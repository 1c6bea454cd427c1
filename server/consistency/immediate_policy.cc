#include "server/consistency/immediate_policy.h"

#include <utility>

#include "server/consistency/policy_state.h"
#include "server/consistency/refusals.h"

namespace downpour {
namespace {

constexpr uint32_t kStateVersion = 1;

}  // namespace

PushRuling ImmediatePolicy::OnPush(const PushFacts& push) {
  if (!live_.Advance(push.worker, push.clock)) return RefuseNotLive(push.worker);
  PushRuling ruling;
  ruling.gradient_scale = GradientScale();
  return ruling;
}

std::string ImmediatePolicy::Save() const {
  PolicyStateWriter state(name_, kStateVersion);
  live_.Save(state);
  return state.Take();
}

absl::Status ImmediatePolicy::Restore(std::string_view text) {
  PolicyStateReader state(text);
  LiveWorkers live;
  if (!state.Header(name_, kStateVersion)) return StateOfAnother(name_, text);
  if (!live.Restore(state, /*mark_max=*/0) || !state.AtEnd()) return StateDamaged(name_);
  live_ = std::move(live);
  return absl::OkStatus();
}

}  // namespace downpour
