// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_SIMD_RULES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_SIMD_RULES_INL_H_
#undef DOWNPOUR_KERNELS_SIMD_RULES_INL_H_
#else
#define DOWNPOUR_KERNELS_SIMD_RULES_INL_H_
#endif

#include <limits>

#include "hwy/highway.h"
#include "kernels/update.h"

// The rules of kernels/update.h over vectors. Each is built once per run (its members are the broadcast scalars) and
// then, for each vector, gets the finished gradient, the weight and the slots, changes the slots and returns the new
// weight. Division and square root are the exact instructions: updates wait for memory, not for them.
//
//   kSlots          slots that are read
//   kWritesSlots    whether they are also written
//   kReadsGradient  whether there is a gradient at all
//   kDecays         whether `weight_decay` and `decay_factor` belong to the loop (else to the rule)

HWY_BEFORE_NAMESPACE();
namespace downpour {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using V = hn::Vec<Floats>;

HWY_INLINE V Broadcast(float value) { return hn::Set(Floats(), value); }

template <int kSlotCount>
struct RuleTraits {
  static constexpr int kSlots = kSlotCount;
  static constexpr bool kWritesSlots = true;
  static constexpr bool kReadsGradient = true;
  static constexpr bool kDecays = true;
};

// decay * mean + (1 - decay) * value. The complement is taken in double, where it is accurate.
struct RunningMean {
  explicit RunningMean(double decay)
      : decay(Broadcast(static_cast<float>(decay))), complement(Broadcast(static_cast<float>(1 - decay))) {}

  HWY_INLINE V Advance(V mean, V value) const { return hn::Add(hn::Mul(decay, mean), hn::Mul(complement, value)); }

  V decay;
  V complement;
};

struct SgdRule : RuleTraits<0> {
  explicit SgdRule(const UpdateScalars& s) : rate(Broadcast(s.rate)) {}

  HWY_INLINE V Apply(V g, V w, V* /*slots*/) const { return hn::Sub(w, hn::Mul(rate, g)); }

  V rate;
};

template <bool kNesterov>
struct MomentumRule : RuleTraits<1> {
  explicit MomentumRule(const UpdateScalars& s)
      : rate(Broadcast(s.rate)), momentum(Broadcast(s.momentum)), gradient_weight(Broadcast(s.gradient_weight)) {}

  HWY_INLINE V Apply(V g, V w, V* slots) const {
    const V velocity = hn::Add(hn::Mul(momentum, slots[0]), hn::Mul(gradient_weight, g));
    slots[0] = velocity;
    const V step = kNesterov ? hn::Add(g, hn::Mul(momentum, velocity)) : velocity;
    return hn::Sub(w, hn::Mul(rate, step));
  }

  V rate;
  V momentum;
  V gradient_weight;
};

struct AdagradRule : RuleTraits<1> {
  explicit AdagradRule(const UpdateScalars& s) : rate(Broadcast(s.rate)), epsilon(Broadcast(s.epsilon)) {}

  HWY_INLINE V Apply(V g, V w, V* slots) const {
    slots[0] = hn::Add(slots[0], hn::Mul(g, g));
    return hn::Sub(w, hn::Div(hn::Mul(rate, g), hn::Add(hn::Sqrt(slots[0]), epsilon)));
  }

  V rate;
  V epsilon;
};

template <bool kMomentum, bool kCentered>
struct RmsPropRule : RuleTraits<1 + kMomentum + kCentered> {
  explicit RmsPropRule(const UpdateScalars& s)
      : running(s.beta2), rate(Broadcast(s.rate)), momentum(Broadcast(s.momentum)), epsilon(Broadcast(s.epsilon)) {}

  HWY_INLINE V Apply(V g, V w, V* slots) const {
    slots[0] = running.Advance(slots[0], hn::Mul(g, g));
    V variance = slots[0];
    if constexpr (kCentered) {
      V& mean = slots[kMomentum ? 2 : 1];
      mean = running.Advance(mean, g);
      variance = hn::Max(hn::Zero(Floats()), hn::Sub(variance, hn::Mul(mean, mean)));
    }
    V step = hn::Div(g, hn::Add(hn::Sqrt(variance), epsilon));
    if constexpr (kMomentum) {
      step = hn::Add(hn::Mul(momentum, slots[1]), step);
      slots[1] = step;
    }
    return hn::Sub(w, hn::Mul(rate, step));
  }

  RunningMean running;
  V rate;
  V momentum;
  V epsilon;
};

// What Adam and LAMB share.
struct Moments {
  explicit Moments(const UpdateScalars& s)
      : first(s.beta1),
        second(s.beta2),
        denominator_scale(Broadcast(s.denominator_scale)),
        epsilon(Broadcast(s.epsilon)) {}

  HWY_INLINE void Advance(V g, V* slots) const {
    slots[0] = first.Advance(slots[0], g);
    slots[1] = second.Advance(slots[1], hn::Mul(g, g));
  }

  // scale * m / (root of s)
  HWY_INLINE V Ratio(V scale, const V* slots) const {
    const V root = hn::Add(hn::Mul(hn::Sqrt(slots[1]), denominator_scale), epsilon);
    return hn::Div(hn::Mul(scale, slots[0]), root);
  }

  RunningMean first;
  RunningMean second;
  V denominator_scale;
  V epsilon;
};

struct AdamRule : RuleTraits<2> {
  explicit AdamRule(const UpdateScalars& s) : moments(s), rate(Broadcast(s.rate)) {}

  HWY_INLINE V Apply(V g, V w, V* slots) const {
    moments.Advance(g, slots);
    return hn::Sub(w, moments.Ratio(rate, slots));
  }

  Moments moments;
  V rate;
};

struct FtrlRule : RuleTraits<2> {
  explicit FtrlRule(const UpdateScalars& s)
      : inverse_rate(Broadcast(1 / s.rate)), l1(Broadcast(s.l1)), l2(Broadcast(s.l2)), beta(Broadcast(s.beta)) {}

  HWY_INLINE V Apply(V g, V w, V* slots) const {
    // root' - root = g^2 / (root' + root), which does not cancel; the least float keeps 0 / 0 away.
    const V square = hn::Mul(g, g);
    const V root_before = hn::Sqrt(slots[0]);
    slots[0] = hn::Add(slots[0], square);
    const V root = hn::Sqrt(slots[0]);
    const V sum = hn::Max(hn::Add(root, root_before), Broadcast(std::numeric_limits<float>::min()));
    const V sigma = hn::Mul(hn::Div(square, sum), inverse_rate);
    slots[1] = hn::Add(slots[1], hn::Sub(g, hn::Mul(sigma, w)));
    const V z = slots[1];
    const V denominator = hn::Add(hn::Mul(hn::Add(beta, root), inverse_rate), l2);
    const V moved = hn::Div(hn::Sub(hn::CopySign(l1, z), z), denominator);
    return hn::IfThenZeroElse(hn::Le(hn::Abs(z), l1), moved);
  }

  V inverse_rate;
  V l1;
  V l2;
  V beta;
};

// LAMB's update before the rate; as a rule of its own it returns this update in place of the weight.
struct LambMomentsRule : RuleTraits<2> {
  static constexpr bool kDecays = false;

  explicit LambMomentsRule(const UpdateScalars& s)
      : moments(s), moment_scale(Broadcast(s.moment_scale)), weight_decay(Broadcast(s.weight_decay)) {}

  HWY_INLINE V LambUpdate(V w, const V* slots) const {
    return hn::Add(moments.Ratio(moment_scale, slots), hn::Mul(weight_decay, w));
  }

  HWY_INLINE V Apply(V g, V w, V* slots) const {
    moments.Advance(g, slots);
    return LambUpdate(w, slots);
  }

  Moments moments;
  V moment_scale;
  V weight_decay;
};

struct LambApplyRule : RuleTraits<2> {
  static constexpr bool kWritesSlots = false;
  static constexpr bool kReadsGradient = false;
  static constexpr bool kDecays = false;

  explicit LambApplyRule(const UpdateScalars& s) : lamb(s), rate(Broadcast(s.rate)) {}

  HWY_INLINE V Apply(V /*g*/, V w, V* slots) const { return hn::Sub(w, hn::Mul(rate, lamb.LambUpdate(w, slots))); }

  LambMomentsRule lamb;
  V rate;
};

}  // namespace HWY_NAMESPACE
}  // namespace downpour
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_SIMD_RULES_INL_H_
