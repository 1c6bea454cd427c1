// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_TILES_INL_H_
#undef DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_TILES_INL_H_
#else
#define DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_TILES_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>

#include "hwy/highway.h"
#include "kernels/nn/simd/tile_grid.h"
#include "kernels/nn/simd/vector-inl.h"
#include "kernels/nn/simd/winograd_transforms-inl.h"

// Tiles of images to and from the transformed domain. There, a range of tiles is kTile * kTile matrices ("points") of
// [tile, channel], `point_stride` floats apart, channels padded to `row` floats. What lies outside of an image is zero.

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

// Calls body(tile, image, tile row, tile column) for tiles [begin, end), counted over a group of images.
template <class Body>
HWY_INLINE void ForTiles(const TileGrid& grid, size_t begin, size_t end, const Body& body) {
  size_t image = begin / grid.Tiles();
  int ty = static_cast<int>(begin % grid.Tiles()) / grid.columns;
  int tx = static_cast<int>(begin % grid.Tiles()) % grid.columns;
  for (size_t t = begin; t < end; ++t) {
    body(t, image, ty, tx);
    if (++tx < grid.columns) continue;
    tx = 0;
    if (++ty < grid.rows) continue;
    ty = 0;
    ++image;
  }
}

struct PointMatrices {
  float* data;
  size_t point_stride;
  size_t row;  // floats from one tile to the next
};

alignas(64) inline constexpr float kZeroVector[16] = {};

// B * tile * B' of one tile and vector of channels. The tile's upper left corner is at (top, left) of the image;
// kInside says that all its columns are inside.
template <int R, bool kPart, bool kInside>
HWY_INLINE void TransformInputTile(const TileGrid& grid, const float* image, size_t channels, int top, int left,
                                   ChannelVector vector, float* out, size_t point_stride) {
  constexpr int kTile = Winograd<R>::kTile;
  V columns[kTile][kTile];  // [row][column] after the transform along rows
  const float* first = image + vector.channel;
  for (int r = 0; r < kTile; ++r) {
    const int y = top + r;
    if (y < 0 || y >= grid.height) {
      HWY_UNROLL(8)
      for (int c = 0; c < kTile; ++c) columns[r][c] = Zero();
      continue;
    }
    const float* line = first + static_cast<ptrdiff_t>(y) * grid.width * static_cast<ptrdiff_t>(channels);
    V x[kTile];
    HWY_UNROLL(8)
    for (int c = 0; c < kTile; ++c) {
      const bool inside = kInside || static_cast<unsigned>(left + c) < static_cast<unsigned>(grid.width);
      const float* p =
          inside ? line + static_cast<ptrdiff_t>(left + c) * static_cast<ptrdiff_t>(channels) : kZeroVector;
      x[c] = LoadSome<kPart>(p, vector.count);
    }
    Winograd<R>::Input(x, columns[r]);
  }
  for (int c = 0; c < kTile; ++c) {
    V x[kTile];
    V o[kTile];
    HWY_UNROLL(8)
    for (int r = 0; r < kTile; ++r) x[r] = columns[r][c];
    Winograd<R>::Input(x, o);
    HWY_UNROLL(8)
    for (int r = 0; r < kTile; ++r) Store(o[r], out + (r * kTile + c) * point_stride);
  }
}

// Tiles [begin, end), counted over the images of a group, as the input of a convolution.
template <int R>
HWY_NOINLINE void TransformInput(const TileGrid& grid, const float* images, size_t channels, size_t begin, size_t end,
                                 PointMatrices out) {
  ForTiles(grid, begin, end, [&](size_t t, size_t image, int ty, int tx) HWY_ATTR {
    const float* x = images + image * grid.height * grid.width * channels;
    float* o = out.data + (t - begin) * out.row;
    const int top = 4 * ty - grid.pad_top;
    const int left = 4 * tx - grid.pad_left;
    const bool inside = left >= 0 && left + Winograd<R>::kTile <= grid.width;
    ForChannels(channels, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
      if (inside) {
        TransformInputTile<R, kPart, true>(grid, x, channels, top, left, v, o + v.channel, out.point_stride);
      } else {
        TransformInputTile<R, kPart, false>(grid, x, channels, top, left, v, o + v.channel, out.point_stride);
      }
    });
  });
}

// E4 * tile * E4' of one 4 x 4 tile of the gradient of an output, whose sum is added to `sums`.
template <int R, bool kPart>
HWY_INLINE void TransformGradientTile(const TileGrid& grid, const float* image, size_t channels, int top, int left,
                                      ChannelVector vector, float* out, size_t point_stride, float* sums) {
  constexpr int kTile = Winograd<R>::kTile;
  V rows[4][kTile];
  V sum = Load(sums);
  const float* first = image + vector.channel;
  for (int r = 0; r < 4; ++r) {
    const int y = std::min(top + r, grid.out_height - 1);
    const bool row_inside = top + r < grid.out_height;
    const float* line = first + static_cast<size_t>(y) * grid.out_width * channels;
    V g[4];
    HWY_UNROLL(4)
    for (int c = 0; c < 4; ++c) {
      const float* p = row_inside && left + c < grid.out_width ? line + (left + c) * channels : kZeroVector;
      g[c] = LoadSome<kPart>(p, vector.count);
      sum = hn::Add(sum, g[c]);
    }
    Evaluate<kTile, 4>(g, rows[r]);
  }
  Store(sum, sums);
  for (int c = 0; c < kTile; ++c) {
    V g[4];
    V o[kTile];
    HWY_UNROLL(4)
    for (int r = 0; r < 4; ++r) g[r] = rows[r][c];
    Evaluate<kTile, 4>(g, o);
    HWY_UNROLL(8)
    for (int r = 0; r < kTile; ++r) Store(o[r], out + (r * kTile + c) * point_stride);
  }
}

// Tiles of the gradient of the output, to the domain in which the gradient of the weights is formed. Adds to sums[c],
// of `out.row` floats, what the gradient sums to.
template <int R>
HWY_NOINLINE void TransformGradient(const TileGrid& grid, const float* images, size_t channels, size_t begin,
                                    size_t end, PointMatrices out, float* sums) {
  ForTiles(grid, begin, end, [&](size_t t, size_t image, int ty, int tx) HWY_ATTR {
    const float* dy = images + image * grid.out_height * grid.out_width * channels;
    float* o = out.data + (t - begin) * out.row;
    ForChannels(channels, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
      TransformGradientTile<R, kPart>(grid, dy, channels, 4 * ty, 4 * tx, v, o + v.channel, out.point_stride,
                                      sums + v.channel);
    });
  });
}

struct OutputEnd {
  const float* bias;  // padded to kChannelBlock
  bool relu;
};

inline void CopyBias(const float* bias, size_t channels, size_t row, float* padded) {
  std::memset(padded, 0, row * sizeof(float));
  if (bias != nullptr) std::memcpy(padded, bias, channels * sizeof(float));
}

template <int R, bool kPart>
HWY_INLINE void GatherOutputTile(const TileGrid& grid, const float* products, size_t point_stride, float* image,
                                 size_t channels, int top, int left, ChannelVector vector, OutputEnd end) {
  constexpr int kTile = Winograd<R>::kTile;
  V rows[4][kTile];
  for (int c = 0; c < kTile; ++c) {
    V m[kTile];
    V o[4];
    HWY_UNROLL(8)
    for (int r = 0; r < kTile; ++r) m[r] = Load(products + (r * kTile + c) * point_stride);
    Gather<kTile, 4>(m, o);
    HWY_UNROLL(4)
    for (int r = 0; r < 4; ++r) rows[r][c] = o[r];
  }
  const V bias = Load(end.bias + vector.channel);
  const V floor = end.relu ? Zero() : Set(-std::numeric_limits<float>::infinity());
  const int height = std::min(4, grid.out_height - top);
  const int width = std::min(4, grid.out_width - left);
  for (int r = 0; r < height; ++r) {
    V o[4];
    Gather<kTile, 4>(rows[r], o);
    float* y = image + vector.channel + (static_cast<size_t>(top + r) * grid.out_width + left) * channels;
    HWY_UNROLL(4)
    for (int c = 0; c < 4; ++c) {
      if (c < width) StoreSome<kPart>(hn::Max(hn::Add(o[c], bias), floor), y + c * channels, vector.count);
    }
  }
}

template <int R>
HWY_NOINLINE void GatherOutput(const TileGrid& grid, PointMatrices products, size_t channels, size_t begin, size_t end,
                               OutputEnd finish, float* images) {
  ForTiles(grid, begin, end, [&](size_t t, size_t image, int ty, int tx) HWY_ATTR {
    float* y = images + image * grid.out_height * grid.out_width * channels;
    const float* m = products.data + (t - begin) * products.row;
    ForChannels(channels, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
      GatherOutputTile<R, kPart>(grid, m + v.channel, products.point_stride, y, channels, 4 * ty, 4 * tx, v, finish);
    });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_TILES_INL_H_
