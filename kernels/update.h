#ifndef DOWNPOUR_KERNELS_UPDATE_H_
#define DOWNPOUR_KERNELS_UPDATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "common/tensor/dtype.h"

// One optimizer step over a run of elements, in one pass over memory: what every backend (reference, simd, cuda)
// implements and what server/optimizer fills in. Plain data, no ownership; see kernels/kernels.h for the entry points.

namespace downpour {

// The arithmetic of the step itself (`mean` is the running mean of gradients):
//   kSgd       w -= rate * g
//   kMomentum  v = momentum * v + gradient_weight * g;  w -= rate * v
//   kNesterov  v as above;  w -= rate * (g + momentum * v)
//   kAdagrad   s += g^2;  w -= rate * g / (sqrt(s) + epsilon)
//   kRmsProp   s = beta2 * s + (1 - beta2) * g^2;  q = g / (sqrt(s) + epsilon), where centered:
//              mean = beta2 * mean + (1 - beta2) * g;  q = g / (sqrt(max(0, s - mean^2)) + epsilon);
//              w -= rate * q, where momentum > 0:  v = momentum * v + q;  w -= rate * v
//   kAdam      m = beta1 * m + (1 - beta1) * g;  s = beta2 * s + (1 - beta2) * g^2;
//              w -= rate * m / (sqrt(s) * denominator_scale + epsilon)
//   kFtrl      n' = n + g^2;  z += g - (sqrt(n') - sqrt(n)) / rate * w;
//              w = |z| <= l1 ? 0 : (sign(z) * l1 - z) / ((beta + sqrt(n')) / rate + l2)          (rate > 0)
//   kLamb*     m and s as in kAdam;
//              u = m * moment_scale / (sqrt(s) * denominator_scale + epsilon) + weight_decay * w;  w -= rate * u
// AdamW is kAdam with `decay_factor` below 1; DiLoCo's outer step is kNesterov.
// LAMB needs the norms of the whole weight and update first: kLambMoments advances the moments and adds up the norms
// without writing weights, kLambApply then writes the weights from the moments.
enum class UpdateRule : uint8_t {
  kSgd,
  kMomentum,
  kNesterov,
  kAdagrad,
  kRmsProp,
  kAdam,
  kFtrl,
  kLambMoments,
  kLambApply,
};

inline constexpr int kSlotsMax = 3;

// The numbers of one step, the same for every element; folded by the optimizer so that the pass does no more than it
// must. For each element, in this order:
//   g = gradient * gradient_scale, then clamped to [-clip_value, clip_value]
//   g += delay_lambda * g * g * (w - w_pulled)          where the arrays have `weight_pulled`
//   g += weight_decay * w                                L2, as PyTorch's `weight_decay`
//   w *= decay_factor                                    decoupled decay, as AdamW
//   the rule
//   average = average_decay * average + (1 - average_decay) * w      where the arrays have `average`
struct UpdateScalars {
  float rate = 0;            // learning rate, with bias correction and trust ratio folded in
  float gradient_scale = 1;  // clipping by norm, averaging over workers
  float clip_value = std::numeric_limits<float>::infinity();
  float delay_lambda = 0;
  float weight_decay = 0;       // kLamb*: part of u above, not added to g
  float decay_factor = 1;       // kLamb*: not used
  float momentum = 0;           // kMomentum, kNesterov, kRmsProp
  float gradient_weight = 1;    // kMomentum, kNesterov: 1 - dampening (1 on the first step, as PyTorch)
  double beta1 = 0;             // kAdam, kLamb*; a double because 1 - 0.999f is off by 1e-5
  double beta2 = 0;             // kAdam, kLamb*, kRmsProp (its alpha); likewise
  float epsilon = 0;            // added outside the square root, as PyTorch
  float denominator_scale = 1;  // kAdam, kLamb*: 1 / sqrt(1 - beta2^t)
  float moment_scale = 1;       // kLamb*: 1 / (1 - beta1^t)
  bool centered = false;        // kRmsProp
  float l1 = 0;                 // kFtrl
  float l2 = 0;                 // kFtrl
  float beta = 0;               // kFtrl: added to sqrt(n) in the denominator
  double average_decay = 0;     // a double for the same reason
};

// How many slots a rule has under these scalars; the slots themselves are listed below.
constexpr int SlotCount(UpdateRule rule, const UpdateScalars& scalars) {
  switch (rule) {
    case UpdateRule::kSgd:
      return 0;
    case UpdateRule::kMomentum:
    case UpdateRule::kNesterov:
    case UpdateRule::kAdagrad:
      return 1;
    case UpdateRule::kRmsProp:
      return 1 + (scalars.momentum > 0 ? 1 : 0) + (scalars.centered ? 1 : 0);
    case UpdateRule::kAdam:
    case UpdateRule::kFtrl:
    case UpdateRule::kLambMoments:
    case UpdateRule::kLambApply:
      return 2;
  }
  return 0;
}

// Where the elements lie. `gradient` may have any alignment; every other pointer is a whole float's, fastest where it
// is aligned to 64 bytes. An `_out` pointer equals its `_in` for an update in place and otherwise does not overlap it;
// all `count` elements of every `_out` that the rule has are written, and nothing else is. Slots by rule: kMomentum,
// kNesterov {velocity}; kAdagrad {sum of squares}; kRmsProp {mean square, velocity if momentum > 0, mean if centered},
// closing up, so that a centered rule without momentum has the mean as its slot 1; kAdam, kLamb* {first moment, second
// moment}; kFtrl {n, z}. kLambMoments writes the slots alone (`weight_out` and `average_out` may be null); kLambApply
// reads the weights and the slots from the `_in` pointers, writes weight and average alone, and looks at no gradient
// and no `slot_out`.
struct UpdateArrays {
  const std::byte* gradient = nullptr;
  DType gradient_dtype = DType::kFloat32;  // kFloat32, kBFloat16 or kFloat16
  const float* weight_in = nullptr;
  float* weight_out = nullptr;
  std::array<const float*, kSlotsMax> slot_in = {};
  std::array<float*, kSlotsMax> slot_out = {};
  const float* weight_pulled = nullptr;  // null: no delay compensation
  const float* average_in = nullptr;     // null: no moving average
  float* average_out = nullptr;
  size_t count = 0;
};

// The same update over elements [begin, begin + count) of `arrays` alone.
inline UpdateArrays Part(const UpdateArrays& arrays, size_t begin, size_t count) {
  UpdateArrays part = arrays;
  const auto advance = [begin](auto*& pointer, size_t element_size) {
    if (pointer != nullptr) pointer += begin * element_size;
  };
  advance(part.gradient, DTypeSize(arrays.gradient_dtype));
  advance(part.weight_in, 1);
  advance(part.weight_out, 1);
  for (auto& slot : part.slot_in) advance(slot, 1);
  for (auto& slot : part.slot_out) advance(slot, 1);
  advance(part.weight_pulled, 1);
  advance(part.average_in, 1);
  advance(part.average_out, 1);
  part.count = count;
  return part;
}

// What a kLambMoments pass adds up over the elements it saw: the squares of w and of u.
struct LambNorms {
  double weight_squared = 0;
  double update_squared = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_KERNELS_UPDATE_H_
