// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_WEIGHTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_WEIGHTS_INL_H_
#undef DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_WEIGHTS_INL_H_
#else
#define DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_WEIGHTS_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"
#include "kernels/nn/shapes.h"
#include "kernels/nn/simd/vector-inl.h"
#include "kernels/nn/simd/winograd_tiles-inl.h"
#include "kernels/nn/simd/winograd_transforms-inl.h"

// Weights to the transformed domain, and their gradients from it.

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

// Where transformed weights lie, in floats.
struct WeightLayout {
  size_t vector;  // from one vector of output channels to the next
  size_t in;      // from one input channel to the next
  size_t point;   // from one point to the next
};

// Matrices of [in channel, padded out channel], one for each point.
constexpr WeightLayout MatrixLayout(size_t in, size_t out) {
  const size_t row = RoundUp(out, kChannelBlock);
  return {kLanes, row, in * row};
}

// For each vector of output channels one after the other, [point, in channel, kLanes]: all strides within are
// constants.
constexpr WeightLayout ThinLayout(size_t points, size_t in) { return {points * in * kLanes, kLanes, in * kLanes}; }

// scale * E * kernel * E' for the kernels from one input channel to a vector of output channels. `Tap` gives the vector
// of weights at (row, column).
template <int R, class Tap>
HWY_INLINE void TransformKernels(const Tap& tap, float* out, size_t point_stride) {
  constexpr int kTile = Winograd<R>::kTile;
  V rows[R][kTile];
  for (int i = 0; i < R; ++i) {
    V w[R];
    for (int j = 0; j < R; ++j) w[j] = tap(i, j);
    Evaluate<kTile, R>(w, rows[i]);
  }
  for (int c = 0; c < kTile; ++c) {
    V w[R];
    V o[kTile];
    for (int i = 0; i < R; ++i) w[i] = rows[i][c];
    Evaluate<kTile, R>(w, o);
    for (int r = 0; r < kTile; ++r) {
      const float scale = Winograd<R>::kScale[r] * Winograd<R>::kScale[c];
      Store(hn::Mul(o[r], Set(scale)), out + (r * kTile + c) * point_stride);
    }
  }
}

template <int R>
HWY_NOINLINE void PrepareForwardRun(const ConvShape& s, WeightLayout layout, const float* weights, float* prepared) {
  const size_t in = s.in_channels;
  const size_t out = s.out_channels;
  const size_t row = RoundUp(out, kChannelBlock);
  for (size_t i = 0; i < in; ++i) {
    for (size_t o = 0; o < row; o += kLanes) {
      const float* first = weights + i * out + o;
      float* to = prepared + o / kLanes * layout.vector + i * layout.in;
      if (o + kLanes <= out) {
        TransformKernels<R>([&](int y, int x) HWY_ATTR { return LoadU(first + (y * R + x) * in * out); }, to,
                            layout.point);
      } else {
        const size_t count = o < out ? out - o : 0;
        const auto tap = [&](int y, int x) HWY_ATTR {
          return count == 0 ? Zero() : LoadFirst(first + (y * R + x) * in * out, count);
        };
        TransformKernels<R>(tap, to, layout.point);
      }
    }
  }
}

// The kernels of the input's gradient: turned by half a circle, from output to input channels.
template <int R>
HWY_NOINLINE void PrepareBackwardRun(const ConvShape& s, const float* weights, float* prepared) {
  const size_t in = s.in_channels;
  const size_t out = s.out_channels;
  const size_t row = RoundUp(in, kChannelBlock);
  alignas(64) float taps[R * R][kChannelBlock][kLanes];
  for (size_t i = 0; i < row; i += kLanes) {
    for (size_t o_begin = 0; o_begin < out; o_begin += kChannelBlock) {
      const size_t o_count = HWY_MIN(kChannelBlock, out - o_begin);
      for (int k = 0; k < R * R; ++k) {  // a transposition, in pieces that stay in the first cache
        const float* from = weights + (static_cast<size_t>(R * R - 1 - k) * in + i) * out + o_begin;
        for (size_t lane = 0; lane < kLanes; ++lane) {
          for (size_t o = 0; o < o_count; ++o) taps[k][o][lane] = i + lane < in ? from[lane * out + o] : 0.0f;
        }
      }
      for (size_t o = 0; o < o_count; ++o) {
        TransformKernels<R>([&](int y, int x) HWY_ATTR { return Load(taps[y * R + x][o]); },
                            prepared + (o_begin + o) * row + i, out * row);
      }
    }
  }
}

// From sums over all tiles to the gradient of the weights.
template <int R>
HWY_NOINLINE void GatherWeights(const ConvShape& s, WeightLayout layout, const float* sums, float* dweights) {
  constexpr int kTile = Winograd<R>::kTile;
  const size_t in = s.in_channels;
  const size_t out = s.out_channels;
  for (size_t i = 0; i < in; ++i) {
    ForChannels(out, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
      const float* from = sums + v.channel / kLanes * layout.vector + i * layout.in;
      V rows[R][kTile];
      for (int c = 0; c < kTile; ++c) {
        V m[kTile];
        V o[R];
        for (int r = 0; r < kTile; ++r) {
          const float scale = Winograd<R>::kScale[r] * Winograd<R>::kScale[c];
          m[r] = hn::Mul(Load(from + (r * kTile + c) * layout.point), Set(scale));
        }
        Gather<kTile, R>(m, o);
        for (int r = 0; r < R; ++r) rows[r][c] = o[r];
      }
      for (int r = 0; r < R; ++r) {
        V o[R];
        Gather<kTile, R>(rows[r], o);
        for (int c = 0; c < R; ++c) {
          StoreSome<kPart>(o[c], dweights + ((r * R + c) * in + i) * out + v.channel, v.count);
        }
      }
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_WEIGHTS_INL_H_
