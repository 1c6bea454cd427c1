// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_NN_SIMD_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_NN_SIMD_POOL_INL_H_
#undef DOWNPOUR_KERNELS_NN_SIMD_POOL_INL_H_
#else
#define DOWNPOUR_KERNELS_NN_SIMD_POOL_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "kernels/nn/shapes.h"
#include "kernels/nn/simd/vector-inl.h"

// Pooling, a pixel at a time, a few vectors of channels at once. Backward passes gather: each input pixel looks at the
// windows that it is in, so it is written once and summed in a fixed order.

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

// The part of a window that lies inside, along one axis: elements [begin, end) of it, the first at `at` of the input.
struct WindowPart {
  int begin;
  int end;
  int at;
};

HWY_INLINE WindowPart PartOf(const WindowAxis& axis, int out, int size) {
  const int first = out * axis.stride - axis.pad;
  const int begin = std::max(0, -first);
  return {begin, std::min(axis.window, size - first), first + begin};
}

// The windows [begin, end) that an element of the input is in.
struct WindowsAround {
  int begin;
  int end;
};

HWY_INLINE WindowsAround WindowsOf(const WindowAxis& axis, int in) {
  const int padded = in + axis.pad;
  const int begin = padded < axis.window ? 0 : (padded - axis.window) / axis.stride + 1;
  return {begin, std::min(axis.out, padded / axis.stride + 1)};
}

// The numbers of the largest elements, as floats, to one or four bytes each.
template <class Index, bool kPart>
HWY_INLINE void StoreNumbers(V numbers, uint8_t* to, size_t count) {
  const hn::Rebind<int32_t, Floats> d32;
  const auto wide = hn::ConvertTo(d32, numbers);
  if constexpr (sizeof(Index) == 4) {
    alignas(HWY_MAX_BYTES) int32_t lanes[kLanes];
    hn::Store(wide, d32, lanes);
    std::memcpy(to, lanes, (kPart ? count : kLanes) * sizeof(int32_t));
  } else {
    const hn::Rebind<uint8_t, Floats> d8;
    const auto narrow = hn::DemoteTo(d8, wide);
    if constexpr (kPart) {
      alignas(HWY_MAX_BYTES) uint8_t lanes[kLanes];
      hn::Store(narrow, d8, lanes);
      std::memcpy(to, lanes, std::min(count, kLanes));
    } else {
      hn::StoreU(narrow, d8, to);
    }
  }
}

// Where the numbers are `number`.
template <class Index, bool kPart>
HWY_INLINE hn::Mask<Floats> NumbersAre(const uint8_t* from, size_t count, int number) {
  const hn::Rebind<int32_t, Floats> d32;
  if constexpr (sizeof(Index) == 4) {
    alignas(HWY_MAX_BYTES) int32_t lanes[kLanes] = {};
    std::memcpy(lanes, from, (kPart ? count : kLanes) * sizeof(int32_t));
    return hn::RebindMask(Floats(), hn::Eq(hn::Load(d32, lanes), hn::Set(d32, number)));
  } else {
    const hn::Rebind<uint8_t, Floats> d8;
    alignas(HWY_MAX_BYTES) uint8_t lanes[kLanes] = {};
    if constexpr (kPart) {
      std::memcpy(lanes, from, std::min(count, kLanes));
      from = lanes;
    }
    return hn::RebindMask(Floats(), hn::Eq(hn::PromoteTo(d32, hn::LoadU(d8, from)), hn::Set(d32, number)));
  }
}

// One row of outputs of an image. Index is void where the numbers are not wanted.
template <class Index>
HWY_NOINLINE void MaxRow(const PoolShape& s, const float* image, int oy, float* y, uint8_t* argmax) {
  constexpr bool kNumbers = sizeof(Index) != 2;
  const size_t channels = s.channels;
  const WindowPart rows = PartOf(s.y, oy, s.height);
  for (int ox = 0; ox < s.x.out; ++ox) {
    const WindowPart columns = PartOf(s.x, ox, s.width);
    const float* corner = image + (static_cast<size_t>(rows.at) * s.width + columns.at) * channels;
    float* to = y + ox * channels;
    uint8_t* numbers_to = kNumbers ? argmax + ox * channels * sizeof(Index) : nullptr;
    ForChannelRuns(channels, [&]<int kVectors, bool kPart>(ChannelVector v) HWY_ATTR {
      V largest[kVectors];
      V numbers[kVectors];
      const V first = Set(static_cast<float>(rows.begin * s.x.window + columns.begin));
      HWY_UNROLL(4)
      for (int i = 0; i < kVectors; ++i) {
        largest[i] = LoadSome<kPart>(corner + v.channel + i * kLanes, v.count);
        numbers[i] = first;
      }
      for (int ky = rows.begin; ky < rows.end; ++ky) {
        const float* line = corner + v.channel + static_cast<size_t>(ky - rows.begin) * s.width * channels;
        for (int kx = columns.begin; kx < columns.end; ++kx, line += channels) {
          const V number = Set(static_cast<float>(ky * s.x.window + kx));
          HWY_UNROLL(4)
          for (int i = 0; i < kVectors; ++i) {
            const V x = LoadSome<kPart>(line + i * kLanes, v.count);
            const auto larger = hn::Gt(x, largest[i]);
            largest[i] = hn::IfThenElse(larger, x, largest[i]);
            if constexpr (kNumbers) numbers[i] = hn::IfThenElse(larger, number, numbers[i]);
          }
        }
      }
      HWY_UNROLL(4)
      for (int i = 0; i < kVectors; ++i) {
        const size_t at = v.channel + i * kLanes;
        StoreSome<kPart>(largest[i], to + at, v.count);
        if constexpr (kNumbers) StoreNumbers<Index, kPart>(numbers[i], numbers_to + at * sizeof(Index), v.count);
      }
    });
  }
}

struct NoIndex {
  uint8_t bytes[2];
};

// One row of outputs, with numbers of the size that the shape has, or none.
HWY_INLINE void MaxRowOf(const PoolShape& s, const float* image, int oy, float* y, uint8_t* argmax) {
  if (argmax == nullptr) {
    MaxRow<NoIndex>(s, image, oy, y, nullptr);
  } else if (s.WindowArea() <= 256) {
    MaxRow<uint8_t>(s, image, oy, y, argmax);
  } else {
    MaxRow<uint32_t>(s, image, oy, y, argmax);
  }
}

HWY_INLINE size_t IndexBytes(const PoolShape& s) { return s.WindowArea() <= 256 ? 1 : 4; }

inline void MaxImage(const PoolShape& s, const float* image, float* y, uint8_t* argmax) {
  const size_t row = static_cast<size_t>(s.x.out) * s.channels;
  for (int oy = 0; oy < s.y.out; ++oy) {
    MaxRowOf(s, image, oy, y + oy * row, argmax == nullptr ? nullptr : argmax + oy * row * IndexBytes(s));
  }
}

// The gradient of an image of inputs from that of its outputs.
template <class Index>
HWY_NOINLINE void UnpoolMaxImage(const PoolShape& s, const float* dy, const uint8_t* argmax, float* dx) {
  const size_t channels = s.channels;
  for (int iy = 0; iy < s.height; ++iy) {
    const WindowsAround rows = WindowsOf(s.y, iy);
    for (int ix = 0; ix < s.width; ++ix, dx += channels) {
      const WindowsAround columns = WindowsOf(s.x, ix);
      ForChannelRuns(channels, [&]<int kVectors, bool kPart>(ChannelVector v) HWY_ATTR {
        V sums[kVectors];
        HWY_UNROLL(4)
        for (int i = 0; i < kVectors; ++i) sums[i] = Zero();
        for (int oy = rows.begin; oy < rows.end; ++oy) {
          for (int ox = columns.begin; ox < columns.end; ++ox) {
            const int number = (iy + s.y.pad - oy * s.y.stride) * s.x.window + (ix + s.x.pad - ox * s.x.stride);
            const size_t at = (static_cast<size_t>(oy) * s.x.out + ox) * channels + v.channel;
            HWY_UNROLL(4)
            for (int i = 0; i < kVectors; ++i) {
              const auto chosen = NumbersAre<Index, kPart>(argmax + (at + i * kLanes) * sizeof(Index), v.count, number);
              const V gradient = LoadSome<kPart>(dy + at + i * kLanes, v.count);
              sums[i] = hn::Add(sums[i], hn::IfThenElseZero(chosen, gradient));
            }
          }
        }
        HWY_UNROLL(4)
        for (int i = 0; i < kVectors; ++i) StoreSome<kPart>(sums[i], dx + v.channel + i * kLanes, v.count);
      });
    }
  }
}

inline void UnpoolMaxImageOf(const PoolShape& s, const float* dy, const uint8_t* argmax, float* dx) {
  if (s.WindowArea() <= 256) {
    UnpoolMaxImage<uint8_t>(s, dy, argmax, dx);
  } else {
    UnpoolMaxImage<uint32_t>(s, dy, argmax, dx);
  }
}

// What an average divides by.
HWY_INLINE float InverseCount(const PoolShape& s, bool count_padding, const WindowPart& rows,
                              const WindowPart& columns) {
  const int inside = (rows.end - rows.begin) * (columns.end - columns.begin);
  return 1.0f / static_cast<float>(count_padding ? static_cast<int>(s.WindowArea()) : inside);
}

HWY_NOINLINE void AverageImage(const PoolShape& s, bool count_padding, const float* image, float* y) {
  const size_t channels = s.channels;
  for (int oy = 0; oy < s.y.out; ++oy) {
    const WindowPart rows = PartOf(s.y, oy, s.height);
    for (int ox = 0; ox < s.x.out; ++ox, y += channels) {
      const WindowPart columns = PartOf(s.x, ox, s.width);
      const V factor = Set(InverseCount(s, count_padding, rows, columns));
      const float* corner = image + (static_cast<size_t>(rows.at) * s.width + columns.at) * channels;
      ForChannelRuns(channels, [&]<int kVectors, bool kPart>(ChannelVector v) HWY_ATTR {
        V sums[kVectors];
        HWY_UNROLL(4)
        for (int i = 0; i < kVectors; ++i) sums[i] = Zero();
        for (int ky = 0; ky < rows.end - rows.begin; ++ky) {
          const float* line = corner + v.channel + static_cast<size_t>(ky) * s.width * channels;
          for (int kx = 0; kx < columns.end - columns.begin; ++kx, line += channels) {
            HWY_UNROLL(4)
            for (int i = 0; i < kVectors; ++i) {
              sums[i] = hn::Add(sums[i], LoadSome<kPart>(line + i * kLanes, v.count));
            }
          }
        }
        HWY_UNROLL(4)
        for (int i = 0; i < kVectors; ++i) {
          StoreSome<kPart>(hn::Mul(sums[i], factor), y + v.channel + i * kLanes, v.count);
        }
      });
    }
  }
}

HWY_NOINLINE void UnpoolAverageImage(const PoolShape& s, bool count_padding, const float* dy, float* dx) {
  const size_t channels = s.channels;
  for (int iy = 0; iy < s.height; ++iy) {
    const WindowsAround rows = WindowsOf(s.y, iy);
    for (int ix = 0; ix < s.width; ++ix, dx += channels) {
      const WindowsAround columns = WindowsOf(s.x, ix);
      ForChannelRuns(channels, [&]<int kVectors, bool kPart>(ChannelVector v) HWY_ATTR {
        V sums[kVectors];
        HWY_UNROLL(4)
        for (int i = 0; i < kVectors; ++i) sums[i] = Zero();
        for (int oy = rows.begin; oy < rows.end; ++oy) {
          for (int ox = columns.begin; ox < columns.end; ++ox) {
            const V factor = Set(InverseCount(s, count_padding, PartOf(s.y, oy, s.height), PartOf(s.x, ox, s.width)));
            const float* from = dy + (static_cast<size_t>(oy) * s.x.out + ox) * channels + v.channel;
            HWY_UNROLL(4)
            for (int i = 0; i < kVectors; ++i) {
              sums[i] = hn::MulAdd(factor, LoadSome<kPart>(from + i * kLanes, v.count), sums[i]);
            }
          }
        }
        HWY_UNROLL(4)
        for (int i = 0; i < kVectors; ++i) StoreSome<kPart>(sums[i], dx + v.channel + i * kLanes, v.count);
      });
    }
  }
}

// The mean over the pixels of an image, four at a time.
HWY_NOINLINE void GlobalAverageImage(size_t pixels, size_t channels, const float* x, float* y) {
  const V factor = Set(1.0f / static_cast<float>(pixels));
  ForChannelRuns(channels, [&]<int kVectors, bool kPart>(ChannelVector v) HWY_ATTR {
    V sums[4][kVectors];
    HWY_UNROLL(4)
    for (int lane = 0; lane < 4; ++lane) {
      HWY_UNROLL(4)
      for (int i = 0; i < kVectors; ++i) sums[lane][i] = Zero();
    }
    const float* from = x + v.channel;
    size_t p = 0;
    for (; p + 4 <= pixels; p += 4) {
      HWY_UNROLL(4)
      for (int lane = 0; lane < 4; ++lane, from += channels) {
        HWY_UNROLL(4)
        for (int i = 0; i < kVectors; ++i) {
          sums[lane][i] = hn::Add(sums[lane][i], LoadSome<kPart>(from + i * kLanes, v.count));
        }
      }
    }
    for (; p < pixels; ++p, from += channels) {
      HWY_UNROLL(4)
      for (int i = 0; i < kVectors; ++i) sums[0][i] = hn::Add(sums[0][i], LoadSome<kPart>(from + i * kLanes, v.count));
    }
    HWY_UNROLL(4)
    for (int i = 0; i < kVectors; ++i) {
      const V sum = hn::Add(hn::Add(sums[0][i], sums[1][i]), hn::Add(sums[2][i], sums[3][i]));
      StoreSome<kPart>(hn::Mul(sum, factor), y + v.channel + i * kLanes, v.count);
    }
  });
}

// Each of the image's pixels gets dy / pixels.
HWY_NOINLINE void GlobalUnpoolImage(size_t pixels, size_t channels, const float* dy, float* dx) {
  const V factor = Set(1.0f / static_cast<float>(pixels));
  for (size_t p = 0; p < pixels; ++p, dx += channels) {
    ForChannels(channels, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
      StoreSome<kPart>(hn::Mul(LoadSome<kPart>(dy + v.channel, v.count), factor), dx + v.channel, v.count);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_NN_SIMD_POOL_INL_H_
