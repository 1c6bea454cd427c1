// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_NN_SIMD_THIN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_NN_SIMD_THIN_INL_H_
#undef DOWNPOUR_KERNELS_NN_SIMD_THIN_INL_H_
#else
#define DOWNPOUR_KERNELS_NN_SIMD_THIN_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "hwy/highway.h"
#include "kernels/nn/convolution.h"
#include "kernels/nn/simd/thin_plan.h"
#include "kernels/nn/simd/vector-inl.h"
#include "kernels/nn/simd/winograd_tiles-inl.h"
#include "kernels/nn/simd/winograd_weights-inl.h"

// Convolutions of images of a few channels, one row of tiles at a time. The input is transformed with a tile in each
// lane; then, for a vector of output channels, products and the transform of the output happen in registers.

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

// One image as planes of one channel each, within zeros.
template <int kChannels>
HWY_NOINLINE void SplitChannels(const TileGrid& grid, const ThinPlan& plan, const float* image, float* planes) {
  std::memset(planes, 0, kChannels * plan.plane * sizeof(float));
  for (int y = 0; y < grid.height; ++y) {
    const float* from = image + static_cast<size_t>(y) * grid.width * kChannels;
    float* to = planes + (y + grid.pad_top) * plan.line + grid.pad_left;
    for (int x = 0; x < grid.width; ++x) {
      for (int c = 0; c < kChannels; ++c) to[c * plan.plane + x] = from[x * kChannels + c];
    }
  }
}

// B * tile * B' of the tiles of row `ty`, to blocks of [point, channel, kThinTiles].
template <int R, int kChannels>
HWY_NOINLINE void TransformThinInput(const TileGrid& grid, const ThinPlan& plan, const float* planes, int ty,
                                     float* wide, float* tiles) {
  constexpr int kTile = Winograd<R>::kTile;
  for (int c = 0; c < kChannels; ++c) {
    const float* lines = planes + c * plan.plane + 4 * ty * plan.line;
    for (size_t x = 0; x < plan.line; x += kLanes) {
      V in[kTile];
      V o[kTile];
      for (int r = 0; r < kTile; ++r) in[r] = Load(lines + r * plan.line + x);
      Winograd<R>::Input(in, o);
      for (int r = 0; r < kTile; ++r) Store(o[r], wide + r * plan.wide_line + x);
    }
    for (int r = 0; r < kTile; ++r) {
      for (size_t tx = 0; tx < static_cast<size_t>(grid.columns); tx += kLanes) {
        const float* at = wide + r * plan.wide_line + 4 * tx;
        V in[8];
        V o[kTile];
        hn::LoadInterleaved4(Floats(), at, in[0], in[1], in[2], in[3]);
        hn::LoadInterleaved4(Floats(), at + 4, in[4], in[5], in[6], in[7]);
        Winograd<R>::Input(in, o);
        float* to = tiles + tx / kThinTiles * (kTile * kTile * kChannels * kThinTiles) + tx % kThinTiles;
        for (int j = 0; j < kTile; ++j) Store(o[j], to + ((r * kTile + j) * kChannels + c) * kThinTiles);
      }
    }
  }
}

// The outputs of kTiles neighbouring tiles for a vector of output channels.
template <int R, int kChannels, int kTiles, bool kPart>
HWY_INLINE void ThinOutputs(const TileGrid& grid, const float* tiles, const float* prepared, V bias, V floor,
                            float* image, size_t channels, int ty, int tx, ChannelVector vector) {
  constexpr int kTile = Winograd<R>::kTile;
  V rows[kTiles][4][kTile];
  for (int j = 0; j < kTile; ++j) {
    V m[kTiles][kTile];
    HWY_UNROLL(8)
    for (int r = 0; r < kTile; ++r) {
      const float* in = tiles + (r * kTile + j) * kChannels * kThinTiles;
      const float* weights = prepared + (r * kTile + j) * kChannels * kLanes;
      HWY_UNROLL(4)
      for (int c = 0; c < kChannels; ++c) {
        const V w = Load(weights + c * kLanes);
        HWY_UNROLL(4)
        for (int t = 0; t < kTiles; ++t) {
          const V x = Set(in[c * kThinTiles + t]);
          m[t][r] = c == 0 ? hn::Mul(x, w) : hn::MulAdd(x, w, m[t][r]);
        }
      }
    }
    HWY_UNROLL(4)
    for (int t = 0; t < kTiles; ++t) {
      V o[4];
      Gather<kTile, 4>(m[t], o);
      HWY_UNROLL(4)
      for (int r = 0; r < 4; ++r) rows[t][r][j] = o[r];
    }
  }
  const int height = std::min(4, grid.out_height - 4 * ty);
  for (int t = 0; t < kTiles; ++t) {
    const int left = 4 * (tx + t);
    const int width = std::min(4, grid.out_width - left);
    for (int r = 0; r < height; ++r) {
      V o[4];
      Gather<kTile, 4>(rows[t][r], o);
      float* y = image + vector.channel + (static_cast<size_t>(4 * ty + r) * grid.out_width + left) * channels;
      HWY_UNROLL(4)
      for (int c = 0; c < 4; ++c) {
        if (c < width) StoreSome<kPart>(hn::Max(hn::Add(o[c], bias), floor), y + c * channels, vector.count);
      }
    }
  }
}

// As many tiles at once as the products of a column of each fit the registers.
template <int R>
constexpr int ThinTilesAtOnce() {
  if (HWY_TARGET == HWY_AVX3) return R == 5 ? 3 : 4;
  return R == 5 ? 1 : 2;
}

// Floats of the transformed weights of a vector of output channels (the `vector` of ThinLayout).
template <int R, int kChannels>
inline constexpr size_t kThinVector = Winograd<R>::kTile* Winograd<R>::kTile* kChannels* kLanes;

// Floats of a block of transformed tiles.
template <int R, int kChannels>
inline constexpr size_t kThinBlock = Winograd<R>::kTile* Winograd<R>::kTile* kChannels* kThinTiles;

template <int R, int kChannels>
HWY_NOINLINE void ThinForwardImage(const ConvShape& s, const TileGrid& grid, const ThinPlan& plan, const float* x,
                                   const float* prepared, OutputEnd end, float* workspace, float* y) {
  constexpr int kAtOnce = ThinTilesAtOnce<R>();
  float* const planes = workspace;
  float* const wide = planes + plan.PlanesFloats(s);
  float* const blocks = wide + plan.WideFloats();
  const size_t channels = s.out_channels;
  const V floor = end.relu ? Zero() : Set(-std::numeric_limits<float>::infinity());
  SplitChannels<kChannels>(grid, plan, x, planes);
  for (int ty = 0; ty < grid.rows; ++ty) {
    TransformThinInput<R, kChannels>(grid, plan, planes, ty, wide, blocks);
    ForChannels(channels, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
      const V bias = Load(end.bias + v.channel);
      const float* weights = prepared + v.channel / kLanes * kThinVector<R, kChannels>;
      for (int first = 0; first < grid.columns; first += kThinTiles) {
        const float* tiles = blocks + first / kThinTiles * kThinBlock<R, kChannels>;
        const int tiles_end = std::min<int>(grid.columns, first + kThinTiles);
        int tx = first;
        for (; tx + kAtOnce <= tiles_end; tx += kAtOnce, tiles += kAtOnce) {
          ThinOutputs<R, kChannels, kAtOnce, kPart>(grid, tiles, weights, bias, floor, y, channels, ty, tx, v);
        }
        for (; tx < tiles_end; ++tx, ++tiles) {
          ThinOutputs<R, kChannels, 1, kPart>(grid, tiles, weights, bias, floor, y, channels, ty, tx, v);
        }
      }
    });
  }
}

// Adds a row of tiles to the sums of about half of the points in column `j`, which stay in registers meanwhile: those
// at 0, 1, -1 and infinity, or the others. `rows` is [tile, column, row]: the gradient, transformed along its rows.
template <int R, int kChannels, bool kFirst>
HWY_INLINE void AddThinColumn(int columns, const float* blocks, const float* rows, int j, float* sums) {
  constexpr int kTile = Winograd<R>::kTile;
  constexpr int kPoints = kFirst ? 4 : kTile - 4;
  const auto point = [](int i) HWY_ATTR { return kFirst ? (i < 3 ? i : kTile - 1) : i + 3; };
  V acc[kPoints][kChannels];
  HWY_UNROLL(4)
  for (int i = 0; i < kPoints; ++i) {
    HWY_UNROLL(4)
    for (int c = 0; c < kChannels; ++c) acc[i][c] = Load(sums + ((point(i) * kTile + j) * kChannels + c) * kLanes);
  }
  for (int tx = 0; tx < columns; ++tx) {
    const float* tile = blocks + tx / kThinTiles * kThinBlock<R, kChannels> + tx % kThinTiles;
    const float* from = rows + (tx * kTile + j) * 4 * kLanes;
    V g[4];
    V o[kTile];
    HWY_UNROLL(4)
    for (int r = 0; r < 4; ++r) g[r] = Load(from + r * kLanes);
    Evaluate<kTile, 4>(g, o);
    HWY_UNROLL(4)
    for (int i = 0; i < kPoints; ++i) {
      const float* in = tile + (point(i) * kTile + j) * kChannels * kThinTiles;
      HWY_UNROLL(4)
      for (int c = 0; c < kChannels; ++c) {
        acc[i][c] = hn::MulAdd(Set(in[c * kThinTiles]), o[point(i)], acc[i][c]);
      }
    }
  }
  HWY_UNROLL(4)
  for (int i = 0; i < kPoints; ++i) {
    HWY_UNROLL(4)
    for (int c = 0; c < kChannels; ++c) Store(acc[i][c], sums + ((point(i) * kTile + j) * kChannels + c) * kLanes);
  }
}

// Adds to `sums` (ThinLayout) what a row of tiles contributes to the gradient of the
// weights, for a vector of output channels; and to `bias_sums`. `rows` is scratch for a row of tiles.
template <int R, int kChannels, bool kPart>
HWY_INLINE void AddThinRow(const TileGrid& grid, const float* blocks, const float* image, size_t channels, int ty,
                           ChannelVector vector, float* rows, float* sums, float* bias_sums) {
  constexpr int kTile = Winograd<R>::kTile;
  V bias_sum = Load(bias_sums);
  for (int tx = 0; tx < grid.columns; ++tx) {
    for (int r = 0; r < 4; ++r) {
      const int y = std::min(4 * ty + r, grid.out_height - 1);
      const bool row_inside = 4 * ty + r < grid.out_height;
      const float* line = image + vector.channel + static_cast<size_t>(y) * grid.out_width * channels;
      V g[4];
      V o[kTile];
      HWY_UNROLL(4)
      for (int c = 0; c < 4; ++c) {
        const float* p = row_inside && 4 * tx + c < grid.out_width ? line + (4 * tx + c) * channels : kZeroVector;
        g[c] = LoadSome<kPart>(p, vector.count);
        bias_sum = hn::Add(bias_sum, g[c]);
      }
      Evaluate<kTile, 4>(g, o);
      HWY_UNROLL(8)
      for (int c = 0; c < kTile; ++c) Store(o[c], rows + ((tx * kTile + c) * 4 + r) * kLanes);
    }
  }
  Store(bias_sum, bias_sums);
  for (int j = 0; j < kTile; ++j) {
    AddThinColumn<R, kChannels, true>(grid.columns, blocks, rows, j, sums);
    AddThinColumn<R, kChannels, false>(grid.columns, blocks, rows, j, sums);
  }
}

template <int R, int kChannels>
HWY_NOINLINE void ThinBackwardImage(const ConvShape& s, const TileGrid& grid, const ThinPlan& plan, const float* x,
                                    const float* dy, float* workspace, float* rows, float* sums, float* bias_sums) {
  float* const planes = workspace;
  float* const wide = planes + plan.PlanesFloats(s);
  float* const blocks = wide + plan.WideFloats();
  const size_t channels = s.out_channels;
  SplitChannels<kChannels>(grid, plan, x, planes);
  for (int ty = 0; ty < grid.rows; ++ty) {
    TransformThinInput<R, kChannels>(grid, plan, planes, ty, wide, blocks);
    ForChannels(channels, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
      AddThinRow<R, kChannels, kPart>(grid, blocks, dy, channels, ty, v, rows,
                                      sums + v.channel / kLanes * kThinVector<R, kChannels>, bias_sums + v.channel);
    });
  }
}

template <int R>
class ThinRun {
 public:
  static size_t ForwardFloats(const ConvShape& s) {
    const ThinPlan plan = PlanThin(s);
    return plan.row + ImageFloats(s, plan) + RoundUp(s.OutImage(), kChannelBlock);
  }

  static void Forward(const ConvShape& s, const ConvolutionKernels::ForwardArgs& args,
                      const ConvolutionKernels::Consumer* consumer) {
    const TileGrid grid = ForwardGrid(s);
    const ThinPlan plan = PlanThin(s);
    float* const bias = args.workspace;
    float* const scratch = bias + plan.row;
    float* const group = scratch + ImageFloats(s, plan);
    CopyBias(args.bias, s.out_channels, plan.row, bias);
    ForInChannels(s, [&]<int kChannels>() HWY_ATTR {
      for (size_t image = 0; image < static_cast<size_t>(s.batch); ++image) {
        float* const y = args.y != nullptr ? args.y + image * s.OutImage() : group;
        ThinForwardImage<R, kChannels>(s, grid, plan, args.x + image * s.InImage(), args.prepared, {bias, args.relu},
                                       scratch, y);
        if (consumer != nullptr) (*consumer)(image, 1, y);
      }
    });
  }

  // Scratch for AddImage.
  static size_t WeightsFloats(const ConvShape& s) { return ImageFloats(s, PlanThin(s)) + RowsFloats(s); }

  // Adds what an image contributes to the gradients of weights and bias, in the transformed domain: `sums` in
  // ThinLayout.
  static void AddImage(const ConvShape& s, const float* x, const float* dy, float* scratch, float* sums,
                       float* bias_sums) {
    const TileGrid grid = ForwardGrid(s);
    const ThinPlan plan = PlanThin(s);
    ForInChannels(s, [&]<int kChannels>() HWY_ATTR {
      ThinBackwardImage<R, kChannels>(s, grid, plan, x, dy, scratch, scratch + ImageFloats(s, plan), sums, bias_sums);
    });
  }

 private:
  static size_t ImageFloats(const ConvShape& s, const ThinPlan& plan) {
    return plan.PlanesFloats(s) + plan.WideFloats() + plan.TilesFloats(s);
  }
  static size_t RowsFloats(const ConvShape& s) {
    return static_cast<size_t>(ForwardGrid(s).columns) * Winograd<R>::kTile * 4 * kChannelBlock;
  }

  template <class Body>
  static HWY_INLINE void ForInChannels(const ConvShape& s, const Body& body) {
    static_assert(kThinChannels == 4);
    if (s.in_channels == 1) body.template operator()<1>();
    if (s.in_channels == 2) body.template operator()<2>();
    if (s.in_channels == 3) body.template operator()<3>();
    if (s.in_channels == 4) body.template operator()<4>();
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_NN_SIMD_THIN_INL_H_
