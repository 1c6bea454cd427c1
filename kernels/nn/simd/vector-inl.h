// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_NN_SIMD_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_NN_SIMD_VECTOR_INL_H_
#undef DOWNPOUR_KERNELS_NN_SIMD_VECTOR_INL_H_
#else
#define DOWNPOUR_KERNELS_NN_SIMD_VECTOR_INL_H_
#endif

#include <cstddef>
#include <cstring>

#include "hwy/highway.h"

// What the kernels of this folder share: the vector of floats, and loads and stores of a part of one, for channel
// counts that are no multiple of it.

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using V = hn::Vec<Floats>;

inline constexpr size_t kLanes = HWY_LANES(float);

// Channels are padded in workspaces to a multiple of this: a multiple of every level's vector, and a cache line.
inline constexpr size_t kChannelBlock = 16;

constexpr size_t RoundUp(size_t value, size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

HWY_INLINE V Set(float value) { return hn::Set(Floats(), value); }
HWY_INLINE V Zero() { return hn::Zero(Floats()); }
HWY_INLINE V Load(const float* p) { return hn::Load(Floats(), p); }
HWY_INLINE V LoadU(const float* p) { return hn::LoadU(Floats(), p); }
HWY_INLINE void Store(V v, float* p) { hn::Store(v, Floats(), p); }
HWY_INLINE void StoreU(V v, float* p) { hn::StoreU(v, Floats(), p); }

// The first `count` < kLanes floats, zeros behind them. Touches no byte behind them.
HWY_INLINE V LoadFirst(const float* p, size_t count) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(Floats(), count), Floats(), p);
#else
  alignas(HWY_MAX_BYTES) float lanes[kLanes] = {};
  std::memcpy(lanes, p, count * sizeof(float));
  return hn::Load(Floats(), lanes);
#endif
}

HWY_INLINE void StoreFirst(V v, float* p, size_t count) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(Floats(), count), Floats(), p);
#else
  alignas(HWY_MAX_BYTES) float lanes[kLanes];
  hn::Store(v, Floats(), lanes);
  std::memcpy(p, lanes, count * sizeof(float));
#endif
}

// A whole vector, or with kPart the first `count` floats of one.
template <bool kPart>
HWY_INLINE V LoadSome(const float* p, size_t count) {
  if constexpr (kPart) return LoadFirst(p, count);
  return LoadU(p);
}

template <bool kPart>
HWY_INLINE void StoreSome(V v, float* p, size_t count) {
  if constexpr (kPart) {
    StoreFirst(v, p, count);
  } else {
    StoreU(v, p);
  }
}

// Where the vector of channels from `channel` on is; `count` < kLanes where it is the last and not whole.
struct ChannelVector {
  size_t channel;
  size_t count;
};

// Calls body.template operator()<kPart>(ChannelVector) for all vectors that make up `channels`.
template <class Body>
HWY_INLINE void ForChannels(size_t channels, const Body& body) {
  size_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) body.template operator()<false>(ChannelVector{c, kLanes});
  if (c < channels) body.template operator()<true>(ChannelVector{c, channels - c});
}

// Calls body.template operator()<kVectors, kPart>(ChannelVector) for channels in runs of up to kVectors vectors.
template <class Body>
HWY_INLINE void ForChannelRuns(size_t channels, const Body& body) {
  size_t c = 0;
  for (; c + 4 * kLanes <= channels; c += 4 * kLanes) body.template operator()<4, false>(ChannelVector{c, kLanes});
  for (; c + kLanes <= channels; c += kLanes) body.template operator()<1, false>(ChannelVector{c, kLanes});
  if (c < channels) body.template operator()<1, true>(ChannelVector{c, channels - c});
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_NN_SIMD_VECTOR_INL_H_
