// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_SIMD_UPDATE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_SIMD_UPDATE_INL_H_
#undef DOWNPOUR_KERNELS_SIMD_UPDATE_INL_H_
#else
#define DOWNPOUR_KERNELS_SIMD_UPDATE_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>

#include "hwy/highway.h"
#include "kernels/interface.h"
#include "kernels/simd/convert-inl.h"
#include "kernels/simd/reduce-inl.h"
#include "kernels/simd/rules-inl.h"
#include "kernels/update.h"

// The one pass over memory. Everything that can differ between runs (rule, type of the gradient, options) is a template
// argument, so that the loop is straight-line code.

HWY_BEFORE_NAMESPACE();
namespace downpour {
namespace HWY_NAMESPACE {

// What happens to the gradient before the rule.
enum class Path {
  kPlain,  // scaled
  kFull,   // and clipped, with both kinds of decay
  kDelay,  // and compensated for its delay
};

template <class Rule, DType kDType, Path kPath>
class GradientStage {
 public:
  explicit GradientStage(const UpdateScalars& s)
      : scale_(Broadcast(s.gradient_scale)),
        clip_(Broadcast(s.clip_value)),
        clip_below_(Broadcast(-s.clip_value)),
        delay_lambda_(Broadcast(s.delay_lambda)),
        weight_decay_(Broadcast(s.weight_decay)),
        decay_factor_(Broadcast(s.decay_factor)) {}

  // The gradient that the rule sees; also decays the weight.
  HWY_INLINE V Load(const std::byte* gradient, const float* weight_pulled, V* weight) const {
    const Floats d;
    V g = hn::Mul(LoadFloats<kDType>(d, gradient), scale_);
    if constexpr (kPath != Path::kPlain) g = hn::Min(hn::Max(g, clip_below_), clip_);
    if constexpr (kPath == Path::kDelay) {
      const V moved = hn::Sub(*weight, hn::LoadU(d, weight_pulled));
      g = hn::Add(g, hn::Mul(hn::Mul(hn::Mul(delay_lambda_, g), g), moved));
    }
    if constexpr (kPath != Path::kPlain && Rule::kDecays) {
      g = hn::Add(g, hn::Mul(weight_decay_, *weight));
      *weight = hn::Mul(*weight, decay_factor_);
    }
    return g;
  }

 private:
  V scale_;
  V clip_;
  V clip_below_;
  V delay_lambda_;
  V weight_decay_;
  V decay_factor_;
};

// `arrays.count` is a multiple of the lanes.
template <class Rule, DType kDType, Path kPath, bool kAverage>
HWY_NOINLINE void UpdateLoop(const UpdateScalars& scalars, const UpdateArrays& arrays) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const UpdateArrays a = arrays;  // a copy that no store can alias
  const Rule rule(scalars);
  const GradientStage<Rule, kDType, kPath> stage(scalars);
  const RunningMean average(scalars.average_decay);
  for (size_t i = 0; i < a.count; i += lanes) {
    V weight = hn::LoadU(d, a.weight_in + i);
    V slots[kSlotsMax];
    for (int slot = 0; slot < Rule::kSlots; ++slot) slots[slot] = hn::LoadU(d, a.slot_in[slot] + i);
    V gradient = hn::Zero(d);
    if constexpr (Rule::kReadsGradient) {
      const float* pulled = kPath == Path::kDelay ? a.weight_pulled + i : nullptr;
      gradient = stage.Load(a.gradient + i * DTypeSize(kDType), pulled, &weight);
    }
    weight = rule.Apply(gradient, weight, slots);
    for (int slot = 0; slot < Rule::kSlots && Rule::kWritesSlots; ++slot) {
      hn::StoreU(slots[slot], d, a.slot_out[slot] + i);
    }
    hn::StoreU(weight, d, a.weight_out + i);
    if constexpr (kAverage) {
      hn::StoreU(average.Advance(hn::LoadU(d, a.average_in + i), weight), d, a.average_out + i);
    }
  }
}

using Loop = void (*)(const UpdateScalars&, const UpdateArrays&);

template <class Rule, DType kDType, Path kPath>
Loop LoopForAverage(bool has_average) {
  return has_average ? &UpdateLoop<Rule, kDType, kPath, true> : &UpdateLoop<Rule, kDType, kPath, false>;
}

template <class Rule, DType kDType>
Loop LoopForPath(const UpdateScalars& s, const UpdateArrays& a) {
  const bool has_average = a.average_in != nullptr;
  if (a.weight_pulled != nullptr) return LoopForAverage<Rule, kDType, Path::kDelay>(has_average);
  const bool clips = s.clip_value != std::numeric_limits<float>::infinity();
  const bool decays = Rule::kDecays && (s.weight_decay != 0 || s.decay_factor != 1);
  if (clips || decays) return LoopForAverage<Rule, kDType, Path::kFull>(has_average);
  return LoopForAverage<Rule, kDType, Path::kPlain>(has_average);
}

template <class Rule>
Loop LoopForDType(const UpdateScalars& s, const UpdateArrays& a) {
  switch (a.gradient_dtype) {
    case DType::kBFloat16:
      return LoopForPath<Rule, DType::kBFloat16>(s, a);
    case DType::kFloat16:
      return LoopForPath<Rule, DType::kFloat16>(s, a);
    default:
      return LoopForPath<Rule, DType::kFloat32>(s, a);
  }
}

inline Loop LoopForRmsProp(const UpdateScalars& s, const UpdateArrays& a) {
  if (s.momentum > 0) {
    return s.centered ? LoopForDType<RmsPropRule<true, true>>(s, a) : LoopForDType<RmsPropRule<true, false>>(s, a);
  }
  return s.centered ? LoopForDType<RmsPropRule<false, true>>(s, a) : LoopForDType<RmsPropRule<false, false>>(s, a);
}

inline Loop LoopFor(UpdateRule rule, const UpdateScalars& s, const UpdateArrays& a) {
  switch (rule) {
    case UpdateRule::kSgd:
      return LoopForDType<SgdRule>(s, a);
    case UpdateRule::kMomentum:
      return LoopForDType<MomentumRule<false>>(s, a);
    case UpdateRule::kNesterov:
      return LoopForDType<MomentumRule<true>>(s, a);
    case UpdateRule::kAdagrad:
      return LoopForDType<AdagradRule>(s, a);
    case UpdateRule::kRmsProp:
      return LoopForRmsProp(s, a);
    case UpdateRule::kAdam:
      return LoopForDType<AdamRule>(s, a);
    case UpdateRule::kFtrl:
      return LoopForDType<FtrlRule>(s, a);
    case UpdateRule::kLambMoments:
      return LoopForDType<LambMomentsRule>(s, a);
    case UpdateRule::kLambApply:
      return LoopForAverage<LambApplyRule, DType::kFloat32, Path::kPlain>(a.average_in != nullptr);
  }
  return nullptr;
}

// One vector of floats, filled up with zeros, that stands in for the end of an array.
struct PaddedFloats {
  // Copies `count` floats in and points `in` and `out` here; an array that is not there stays so.
  void Take(const float** in, float** out, size_t count) {
    if (*in == nullptr) return;
    given = *out;
    std::memcpy(values, *in, count * sizeof(float));
    *in = values;
    *out = values;
  }

  void GiveBack(size_t count) const {
    if (given != nullptr) std::memcpy(given, values, count * sizeof(float));
  }

  alignas(HWY_MAX_BYTES) float values[HWY_LANES(float)] = {};
  float* given = nullptr;
};

// The last elements, fewer than a vector: the same loop over padded copies.
inline void UpdateTail(Loop loop, const UpdateScalars& scalars, UpdateArrays a) {
  const size_t count = a.count;
  alignas(HWY_MAX_BYTES) std::byte gradient[HWY_MAX_BYTES] = {};
  if (a.gradient != nullptr) std::memcpy(gradient, a.gradient, count * DTypeSize(a.gradient_dtype));
  PaddedFloats weight, pulled, average;
  PaddedFloats slots[kSlotsMax];
  float* no_output = nullptr;
  a.count = HWY_LANES(float);
  a.gradient = gradient;
  weight.Take(&a.weight_in, &a.weight_out, count);
  pulled.Take(&a.weight_pulled, &no_output, count);
  average.Take(&a.average_in, &a.average_out, count);
  for (int slot = 0; slot < kSlotsMax; ++slot) slots[slot].Take(&a.slot_in[slot], &a.slot_out[slot], count);
  loop(scalars, a);
  weight.GiveBack(count);
  average.GiveBack(count);
  for (const PaddedFloats& slot : slots) slot.GiveBack(count);
}

inline void UpdateAll(Loop loop, const UpdateScalars& scalars, const UpdateArrays& arrays) {
  const size_t whole = arrays.count - arrays.count % HWY_LANES(float);
  loop(scalars, Part(arrays, 0, whole));
  if (whole < arrays.count) UpdateTail(loop, scalars, Part(arrays, whole, arrays.count - whole));
}

// The loop writes its update to a buffer instead of the weights; the norms are taken from there while it is in cache.
inline void UpdateLambMoments(Loop loop, const UpdateScalars& scalars, const UpdateArrays& arrays, LambNorms* norms) {
  for (size_t begin = 0; begin < arrays.count; begin += kSumGroup) {
    const size_t count = std::min(kSumGroup, arrays.count - begin);
    alignas(HWY_MAX_BYTES) float update[kSumGroup];
    UpdateArrays group = Part(arrays, begin, count);
    group.weight_out = update;
    UpdateAll(loop, scalars, group);
    SquaredNormBody<DType::kFloat32>::Run(reinterpret_cast<const std::byte*>(group.weight_in), count,
                                          &norms->weight_squared);
    SquaredNormBody<DType::kFloat32>::Run(reinterpret_cast<const std::byte*>(update), count, &norms->update_squared);
  }
}

inline void UpdateRun(UpdateRule rule, const UpdateScalars& scalars, UpdateArrays arrays, LambNorms* norms) {
  for (int slot = SlotCount(rule, scalars); slot < kSlotsMax; ++slot) {
    arrays.slot_in[slot] = nullptr;
    arrays.slot_out[slot] = nullptr;
  }
  if (rule == UpdateRule::kLambMoments) {
    arrays.average_in = nullptr;
    UpdateLambMoments(LoopFor(rule, scalars, arrays), scalars, arrays, norms);
    return;
  }
  if (rule == UpdateRule::kLambApply) {
    arrays.gradient = nullptr;
    arrays.slot_out = {};
  }
  UpdateAll(LoopFor(rule, scalars, arrays), scalars, arrays);
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_SIMD_UPDATE_INL_H_
