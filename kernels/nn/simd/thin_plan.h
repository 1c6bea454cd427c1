#ifndef DOWNPOUR_KERNELS_NN_SIMD_THIN_PLAN_H_
#define DOWNPOUR_KERNELS_NN_SIMD_THIN_PLAN_H_

#include <cstddef>

#include "kernels/nn/shapes.h"
#include "kernels/nn/simd/tile_grid.h"

namespace downpour::nn {

// Up to this many input channels (the colours of an image), the matrix products of a Winograd convolution are too thin
// to be worth their own pass over memory: simd/thin-inl.h does them inside the transforms.
inline constexpr int kThinChannels = 4;

inline bool IsThin(const ConvShape& s) { return s.in_channels <= kThinChannels; }

// A row of tiles is transformed in blocks of this many: [point, channel, tile of the block].
inline constexpr size_t kThinTiles = 16;

// The workspace of a thin pass, the same for every SIMD level. In floats, multiples of 16.
struct ThinPlan {
  size_t line;         // of a plane: a channel's rows of the input, with the padding that tiles read
  size_t plane;        // of one channel
  size_t wide_line;    // of a line between the two dimensions of the transform
  size_t tile_blocks;  // of kThinTiles tiles, that hold a row of tiles
  size_t points;       // transformed elements of a tile
  size_t row;          // output channels, padded

  size_t PlanesFloats(const ConvShape& s) const { return s.in_channels * plane; }
  size_t WideFloats() const { return 8 * wide_line; }
  size_t TilesFloats(const ConvShape& s) const { return tile_blocks * points * s.in_channels * kThinTiles; }
};

inline ThinPlan PlanThin(const ConvShape& s) {
  const auto padded = [](size_t floats) { return (floats + 15) / 16 * 16; };
  const TileGrid grid = ForwardGrid(s);
  ThinPlan plan = {};
  plan.tile_blocks = padded(grid.columns) / kThinTiles;
  plan.line = padded(4 * grid.columns + 4);
  plan.plane = plan.line * (4 * grid.rows + 4);
  plan.wide_line = 4 * kThinTiles * plan.tile_blocks + 16;
  plan.points = static_cast<size_t>(s.kernel + 3) * (s.kernel + 3);
  plan.row = padded(s.out_channels);
  return plan;
}

}  // namespace downpour::nn

#endif  // DOWNPOUR_KERNELS_NN_SIMD_THIN_PLAN_H_
