// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_SIMD_CONVERT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_SIMD_CONVERT_INL_H_
#undef DOWNPOUR_KERNELS_SIMD_CONVERT_INL_H_
#else
#define DOWNPOUR_KERNELS_SIMD_CONVERT_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/tensor/half.h"
#include "hwy/highway.h"
#include "kernels/interface.h"

// Loads and stores of the three float types at any alignment, and the two conversions built on them.

HWY_BEFORE_NAMESPACE();
namespace downpour {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// As many lanes of another type as `D` has.
template <typename T, class D>
using As = hn::Rebind<T, D>;

// A vector of `D` from unaligned bytes.
template <class D>
HWY_INLINE hn::Vec<D> LoadBytes(D d, const std::byte* bytes) {
  const hn::Repartition<uint8_t, D> d8;
  return hn::BitCast(d, hn::LoadU(d8, reinterpret_cast<const uint8_t*>(bytes)));
}

template <class D>
HWY_INLINE void StoreBytes(hn::Vec<D> v, D d, std::byte* bytes) {
  (void)d;
  const hn::Repartition<uint8_t, D> d8;
  hn::StoreU(hn::BitCast(d8, v), d8, reinterpret_cast<uint8_t*>(bytes));
}

template <class D>
HWY_INLINE hn::Vec<D> FloatFromBFloat16(D d, hn::Vec<As<uint16_t, D>> half) {
  const As<uint32_t, D> d32;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, half)));
}

template <class D>
HWY_INLINE hn::Vec<As<uint32_t, D>> BFloat16FromFloat(D d, hn::Vec<D> v) {
  const As<uint32_t, D> d32;
  const auto bits = hn::BitCast(d32, v);
  const auto upper = hn::ShiftRight<16>(bits);
  const auto odd = hn::And(upper, hn::Set(d32, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(d32, 0x7fff))));
  const auto nan = hn::Or(upper, hn::Set(d32, 0x0040));
  const auto is_nan = hn::RebindMask(d32, hn::IsNaN(v));
  (void)d;
  return hn::IfThenElse(is_nan, nan, rounded);
}

#if HWY_TARGET <= HWY_AVX2  // smaller is better: the processor converts

template <class D>
HWY_INLINE hn::Vec<D> FloatFromFloat16(D d, hn::Vec<As<uint16_t, D>> half) {
  const As<hwy::float16_t, D> d16;
  return hn::PromoteTo(d, hn::BitCast(d16, half));
}

template <class D>
HWY_INLINE hn::Vec<As<uint16_t, D>> Float16FromFloat(D d, hn::Vec<D> v) {
  (void)d;
  const As<hwy::float16_t, D> d16;
  const As<uint16_t, D> du16;
  return hn::BitCast(du16, hn::DemoteTo(d16, v));
}

#else

template <class D>
HWY_INLINE hn::Vec<D> FloatFromFloat16(D d, hn::Vec<As<uint16_t, D>> half) {
  const As<uint32_t, D> d32;
  const As<int32_t, D> di32;
  const auto bits = hn::PromoteTo(d32, half);
  const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(d32, 0x8000)));
  const auto exponent = hn::And(bits, hn::Set(d32, 0x7c00));
  const auto mantissa = hn::And(bits, hn::Set(d32, 0x03ff));
  const auto zero = hn::Zero(d32);
  const auto shifted = hn::ShiftLeft<13>(hn::Or(exponent, mantissa));
  const auto normal = hn::Add(shifted, hn::Set(d32, (127 - 15) << 23));
  const auto subnormal = hn::BitCast(d32, hn::Mul(hn::ConvertTo(d, hn::BitCast(di32, mantissa)), hn::Set(d, 0x1p-24f)));
  const auto quiet = hn::IfThenElse(hn::Eq(mantissa, zero), zero, hn::Set(d32, 0x00400000));
  const auto special = hn::Or(hn::Or(shifted, quiet), hn::Set(d32, 0x7f800000));
  auto magnitude = hn::IfThenElse(hn::Eq(exponent, zero), subnormal, normal);
  magnitude = hn::IfThenElse(hn::Eq(exponent, hn::Set(d32, 0x7c00)), special, magnitude);
  return hn::BitCast(d, hn::Or(sign, magnitude));
}

template <class D>
HWY_INLINE hn::Vec<As<uint16_t, D>> Float16FromFloat(D d, hn::Vec<D> v) {
  const As<uint32_t, D> d32;
  const As<int32_t, D> di32;
  const As<uint16_t, D> d16;
  const auto bits = hn::BitCast(d32, v);
  const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 0x8000));
  const auto magnitude = hn::And(bits, hn::Set(d32, 0x7fffffff));
  const auto signed_magnitude = hn::BitCast(di32, magnitude);
  // Drop 13 bits of mantissa, ties to even, and move the bias; a carry into the exponent, up to infinity, is right.
  const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(d32, 1));
  const auto rounded = hn::ShiftRight<13>(hn::Add(magnitude, hn::Add(odd, hn::Set(d32, 0x0fff))));
  const auto normal = hn::Sub(rounded, hn::Set(d32, (127 - 15) << 10));
  // Adding a half leaves the value in units of 2^-24 in the lowest bits, rounded.
  const auto half = hn::Set(d, 0.5f);
  const auto subnormal = hn::Sub(hn::BitCast(d32, hn::Add(hn::BitCast(d, magnitude), half)), hn::BitCast(d32, half));
  const auto nan = hn::Or(hn::And(hn::ShiftRight<13>(magnitude), hn::Set(d32, 0x03ff)), hn::Set(d32, 0x7e00));
  const auto is_small = hn::RebindMask(d32, hn::Lt(signed_magnitude, hn::Set(di32, 113 << 23)));
  const auto is_large = hn::RebindMask(d32, hn::Gt(signed_magnitude, hn::Set(di32, (143 << 23) - 1)));
  const auto is_nan = hn::RebindMask(d32, hn::IsNaN(v));
  auto result = hn::IfThenElse(is_small, subnormal, normal);
  result = hn::IfThenElse(is_large, hn::Set(d32, 0x7c00), result);
  result = hn::IfThenElse(is_nan, nan, result);
  return hn::DemoteTo(d16, hn::BitCast(di32, hn::Or(result, sign)));
}

#endif

// Lanes(d) floats from consecutive elements of `kDType` at `bytes`.
template <DType kDType, class D>
HWY_INLINE hn::Vec<D> LoadFloats(D d, const std::byte* bytes) {
  if constexpr (kDType == DType::kFloat32) {
    return LoadBytes(d, bytes);
  } else {
    const auto half = LoadBytes(As<uint16_t, D>(), bytes);
    if constexpr (kDType == DType::kBFloat16) {
      return FloatFromBFloat16(d, half);
    } else {
      return FloatFromFloat16(d, half);
    }
  }
}

template <DType kDType, class D>
HWY_INLINE void StoreFloats(hn::Vec<D> v, D d, std::byte* bytes) {
  if constexpr (kDType == DType::kFloat32) {
    StoreBytes(v, d, bytes);
  } else if constexpr (kDType == DType::kBFloat16) {
    const As<int32_t, D> di32;
    const As<uint16_t, D> d16;
    StoreBytes(hn::DemoteTo(d16, hn::BitCast(di32, BFloat16FromFloat(d, v))), d16, bytes);
  } else {
    StoreBytes(Float16FromFloat(d, v), As<uint16_t, D>(), bytes);
  }
}

// Calls Body<kDType>::Run(arguments...) for a dtype that is known only now.
template <template <DType> class Body, typename... Arguments>
HWY_INLINE auto ForDType(DType dtype, Arguments... arguments) {
  switch (dtype) {
    case DType::kBFloat16:
      return Body<DType::kBFloat16>::Run(arguments...);
    case DType::kFloat16:
      return Body<DType::kFloat16>::Run(arguments...);
    default:
      return Body<DType::kFloat32>::Run(arguments...);
  }
}

// The last elements of a run go through a padded copy of one vector, so that they get the very same instructions.
template <DType kDType>
struct ToFloatBody {
  static void Run(const std::byte* values, float* floats, size_t count) {
    const hn::ScalableTag<float> d;
    const size_t lanes = hn::Lanes(d);
    size_t i = 0;
    for (; i + lanes <= count; i += lanes) {
      hn::StoreU(LoadFloats<kDType>(d, values + i * DTypeSize(kDType)), d, floats + i);
    }
    if (i == count) return;
    std::byte padded[HWY_MAX_BYTES] = {};
    float converted[HWY_MAX_BYTES / sizeof(float)];
    std::memcpy(padded, values + i * DTypeSize(kDType), (count - i) * DTypeSize(kDType));
    hn::StoreU(LoadFloats<kDType>(d, padded), d, converted);
    std::memcpy(floats + i, converted, (count - i) * sizeof(float));
  }
};

template <DType kDType>
struct FromFloatBody {
  static void Run(const float* floats, std::byte* values, size_t count) {
    const hn::ScalableTag<float> d;
    const size_t lanes = hn::Lanes(d);
    size_t i = 0;
    for (; i + lanes <= count; i += lanes) {
      StoreFloats<kDType>(hn::LoadU(d, floats + i), d, values + i * DTypeSize(kDType));
    }
    if (i == count) return;
    float padded[HWY_MAX_BYTES / sizeof(float)] = {};
    std::byte converted[HWY_MAX_BYTES];
    std::memcpy(padded, floats + i, (count - i) * sizeof(float));
    StoreFloats<kDType>(hn::LoadU(d, padded), d, converted);
    std::memcpy(values + i * DTypeSize(kDType), converted, (count - i) * DTypeSize(kDType));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace downpour
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_SIMD_CONVERT_INL_H_
