#include "kernels/update_case.h"

#include <utility>

namespace downpour::testing {
namespace {

UpdateCase Plain(std::string name, UpdateRule rule) {
  UpdateCase c;
  c.name = std::move(name);
  c.rule = rule;
  c.scalars.rate = 0.05f;
  c.scalars.gradient_scale = 0.7f;
  c.scalars.momentum = 0.9f;
  c.scalars.gradient_weight = 0.75f;
  c.scalars.beta1 = 0.9;
  c.scalars.beta2 = 0.999;
  c.scalars.epsilon = 1e-3f;
  c.scalars.denominator_scale = 1.25f;
  c.scalars.moment_scale = 1.5f;
  c.scalars.l1 = 0.4f;
  c.scalars.l2 = 0.2f;
  c.scalars.beta = 1;
  c.scalars.average_decay = 0.99;
  if (rule == UpdateRule::kLambMoments || rule == UpdateRule::kLambApply) c.scalars.weight_decay = 0.01f;
  return c;
}

UpdateCase RmsProp(std::string name, float momentum, bool centered) {
  UpdateCase c = Plain(std::move(name), UpdateRule::kRmsProp);
  c.scalars.momentum = momentum;
  c.scalars.centered = centered;
  c.scalars.beta2 = 0.95;
  return c;
}

UpdateCase Ftrl() {
  UpdateCase c = Plain("ftrl", UpdateRule::kFtrl);
  c.scalars.rate = 0.5f;  // divided by: keeps all operands near 1
  return c;
}

std::vector<UpdateCase> PlainCases() {
  return {
      Plain("sgd", UpdateRule::kSgd),
      Plain("momentum", UpdateRule::kMomentum),
      Plain("nesterov", UpdateRule::kNesterov),
      Plain("adagrad", UpdateRule::kAdagrad),
      RmsProp("rmsprop", 0, false),
      RmsProp("rmsprop, momentum", 0.9f, false),
      RmsProp("rmsprop, centered", 0, true),
      RmsProp("rmsprop, momentum, centered", 0.9f, true),
      Plain("adam", UpdateRule::kAdam),
      Ftrl(),
      Plain("lamb moments", UpdateRule::kLambMoments),
      Plain("lamb apply", UpdateRule::kLambApply),
  };
}

// Slots as the rule could have left them: squares are positive and above the square of the mean.
std::vector<float> Slot(const UpdateCase& c, int slot, size_t count) {
  std::vector<float> values = NormalFloats(count, 100 + slot, 0, 0.5f);
  const bool is_root = c.rule == UpdateRule::kAdagrad || c.rule == UpdateRule::kRmsProp || c.rule == UpdateRule::kFtrl;
  const bool is_square = is_root ? slot == 0 : slot == 1;
  const bool is_mean = c.rule == UpdateRule::kRmsProp && c.scalars.centered && slot + 1 == SlotCount(c.rule, c.scalars);
  for (float& value : values) {
    if (is_square) value = 0.5f + std::fabs(value);
    if (is_mean) value *= 0.2f;
  }
  return values;
}

}  // namespace

std::vector<UpdateCase> AllUpdateCases() {
  std::vector<UpdateCase> cases;
  for (UpdateCase c : PlainCases()) {
    const std::string rule = c.name;
    for (const bool has_average : {false, true}) {
      c.has_average = has_average;
      c.has_delay = false;
      c.name = rule + (has_average ? ", average" : "");
      cases.push_back(c);
      UpdateCase full = c;
      full.name += ", clipped and decayed";
      full.scalars.clip_value = 0.8f;
      full.scalars.weight_decay = 0.01f;
      full.scalars.decay_factor = 0.998f;
      cases.push_back(full);
      full.name += ", delayed";
      full.has_delay = true;
      full.scalars.delay_lambda = 0.5f;
      cases.push_back(full);
    }
  }
  return cases;
}

UpdateFixture::UpdateFixture(const UpdateCase& update_case, DType gradient_dtype, size_t count, bool in_place)
    : case_(update_case),
      count_(count),
      dtype_(gradient_dtype),
      gradient_(NormalFloats(count, 1), gradient_dtype, (count * 7 + 1) % 64),
      weight_in_(NormalFloats(count, 2)),
      weight_(weight_in_, in_place),
      pulled_(NormalFloats(count, 3)),
      average_(NormalFloats(count, 4), in_place) {
  for (int slot = 0; slot < kSlotsMax; ++slot) slots_.emplace_back(Slot(case_, slot, count), in_place);
}

UpdateArrays UpdateFixture::Arrays() {
  UpdateArrays a;
  a.gradient = gradient_.data();
  a.gradient_dtype = dtype_;
  a.weight_in = weight_.in.data();
  a.weight_out = weight_.target();
  for (int slot = 0; slot < kSlotsMax; ++slot) {
    a.slot_in[slot] = slots_[slot].in.data();
    a.slot_out[slot] = slots_[slot].target();
  }
  if (case_.has_delay) a.weight_pulled = pulled_.data();
  if (case_.has_average) {
    a.average_in = average_.in.data();
    a.average_out = average_.target();
  }
  a.count = count_;
  return a;
}

std::vector<UpdateFixture::Output> UpdateFixture::Outputs() const {
  std::vector<Output> outputs;
  if (case_.rule != UpdateRule::kLambMoments) {
    outputs.push_back({"weight", &weight_.written(), &weight_.before});
    if (case_.has_average) outputs.push_back({"average", &average_.written(), &average_.before});
  }
  if (case_.rule == UpdateRule::kLambApply) return outputs;
  for (int slot = 0; slot < SlotCount(case_.rule, case_.scalars); ++slot) {
    outputs.push_back({"slot " + std::to_string(slot), &slots_[slot].written(), &slots_[slot].before});
  }
  return outputs;
}

bool UpdateFixture::IsUntouched(const Array& array) {
  return array.in == GuardedFloats(array.before) && array.out.IsUntouched();
}

bool UpdateFixture::NothingElseWasWritten() const {
  const auto is_guarded = [](const Array& a) { return a.in.GuardsAreWhole() && a.out.GuardsAreWhole(); };
  const bool is_moments = case_.rule == UpdateRule::kLambMoments;
  const int slots_written = case_.rule == UpdateRule::kLambApply ? 0 : SlotCount(case_.rule, case_.scalars);
  bool good = is_guarded(weight_) && is_guarded(average_);
  if (is_moments) good = good && IsUntouched(weight_);
  if (is_moments || !case_.has_average) good = good && IsUntouched(average_);
  for (int slot = 0; slot < kSlotsMax; ++slot) {
    good = good && (slot < slots_written ? is_guarded(slots_[slot]) : IsUntouched(slots_[slot]));
  }
  return good;
}

}  // namespace downpour::testing
