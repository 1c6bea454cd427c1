#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/reference/reference_kernels.h"

namespace downpour::reference {
namespace {

// The state of one element while it is being updated.
struct Element {
  double weight;
  std::array<double, kSlotsMax> slots;
};

void Accumulate(double decay, double value, double* mean) { *mean = decay * *mean + (1 - decay) * value; }

void Momentum(const UpdateScalars& s, double g, Element* e, bool nesterov) {
  double& velocity = e->slots[0];
  velocity = s.momentum * velocity + s.gradient_weight * g;
  e->weight -= s.rate * (nesterov ? g + s.momentum * velocity : velocity);
}

void Adagrad(const UpdateScalars& s, double g, Element* e) {
  double& sum = e->slots[0];
  sum += g * g;
  e->weight -= s.rate * g / (std::sqrt(sum) + s.epsilon);
}

void RmsProp(const UpdateScalars& s, double g, Element* e) {
  const bool has_velocity = s.momentum > 0;
  double& square = e->slots[0];
  Accumulate(s.beta2, g * g, &square);
  double variance = square;
  if (s.centered) {
    double& mean = e->slots[has_velocity ? 2 : 1];
    Accumulate(s.beta2, g, &mean);
    variance = std::max(0.0, square - mean * mean);
  }
  double step = g / (std::sqrt(variance) + s.epsilon);
  if (has_velocity) {
    double& velocity = e->slots[1];
    velocity = s.momentum * velocity + step;
    step = velocity;
  }
  e->weight -= s.rate * step;
}

void AdvanceMoments(const UpdateScalars& s, double g, Element* e) {
  Accumulate(s.beta1, g, &e->slots[0]);
  Accumulate(s.beta2, g * g, &e->slots[1]);
}

// The first moment over the root of the second.
double MomentRatio(const UpdateScalars& s, const Element& e) {
  return e.slots[0] / (std::sqrt(e.slots[1]) * s.denominator_scale + s.epsilon);
}

void Ftrl(const UpdateScalars& s, double g, Element* e) {
  double& n = e->slots[0];
  double& z = e->slots[1];
  const double root_before = std::sqrt(n);
  n += g * g;
  const double root = std::sqrt(n);
  z += g - (root - root_before) / s.rate * e->weight;
  const double pull = std::copysign(double{s.l1}, z) - z;
  e->weight = std::fabs(z) <= s.l1 ? 0 : pull / ((s.beta + root) / s.rate + s.l2);
}

double LambUpdate(const UpdateScalars& s, const Element& e) {
  return s.moment_scale * MomentRatio(s, e) + s.weight_decay * e.weight;
}

// `norms` is null for every rule but kLambMoments.
void ApplyRule(UpdateRule rule, const UpdateScalars& s, double g, Element* e, LambNorms* norms) {
  switch (rule) {
    case UpdateRule::kSgd:
      e->weight -= s.rate * g;
      return;
    case UpdateRule::kMomentum:
      return Momentum(s, g, e, /*nesterov=*/false);
    case UpdateRule::kNesterov:
      return Momentum(s, g, e, /*nesterov=*/true);
    case UpdateRule::kAdagrad:
      return Adagrad(s, g, e);
    case UpdateRule::kRmsProp:
      return RmsProp(s, g, e);
    case UpdateRule::kAdam:
      AdvanceMoments(s, g, e);
      e->weight -= s.rate * MomentRatio(s, *e);
      return;
    case UpdateRule::kFtrl:
      return Ftrl(s, g, e);
    case UpdateRule::kLambMoments: {
      AdvanceMoments(s, g, e);
      const double update = LambUpdate(s, *e);
      norms->weight_squared += e->weight * e->weight;
      norms->update_squared += update * update;
      return;
    }
    case UpdateRule::kLambApply:
      e->weight -= s.rate * LambUpdate(s, *e);
      return;
  }
}

}  // namespace

void Update(UpdateRule rule, const UpdateScalars& s, const UpdateArrays& a, LambNorms* norms) {
  const bool is_lamb = rule == UpdateRule::kLambMoments || rule == UpdateRule::kLambApply;
  const bool writes_slots = rule != UpdateRule::kLambApply;
  const bool writes_weight = rule != UpdateRule::kLambMoments;
  const int slot_count = SlotCount(rule, s);
  for (size_t i = 0; i < a.count; ++i) {
    Element e = {};
    e.weight = a.weight_in[i];
    for (int slot = 0; slot < slot_count; ++slot) e.slots[slot] = a.slot_in[slot][i];

    double g = 0;
    if (rule != UpdateRule::kLambApply) {
      g = LoadElement({a.gradient, a.gradient_dtype}, i) * s.gradient_scale;
      g = std::clamp(g, -double{s.clip_value}, double{s.clip_value});
      if (a.weight_pulled != nullptr) g += s.delay_lambda * g * g * (e.weight - a.weight_pulled[i]);
      if (!is_lamb) g += s.weight_decay * e.weight;
    }
    if (!is_lamb) e.weight *= s.decay_factor;
    ApplyRule(rule, s, g, &e, norms);

    for (int slot = 0; slot < slot_count && writes_slots; ++slot)
      a.slot_out[slot][i] = static_cast<float>(e.slots[slot]);
    if (!writes_weight) continue;
    a.weight_out[i] = static_cast<float>(e.weight);
    if (a.average_in == nullptr) continue;
    double average = a.average_in[i];
    Accumulate(s.average_decay, e.weight, &average);
    a.average_out[i] = static_cast<float>(average);
  }
}

}  // namespace downpour::reference
