#ifndef DOWNPOUR_KERNELS_NN_SIMD_TILE_GRID_H_
#define DOWNPOUR_KERNELS_NN_SIMD_TILE_GRID_H_

#include <cstddef>

#include "kernels/nn/shapes.h"

namespace downpour::nn {

// The 4 x 4 tiles that an image's output is cut into, and where their inputs lie: the input of the tile at (ty, tx)
// starts at row 4 * ty - pad_top and column 4 * tx - pad_left.
struct TileGrid {
  int height;  // of the input
  int width;
  int pad_top;
  int pad_left;
  int out_height;
  int out_width;
  int rows;  // of tiles
  int columns;

  size_t Tiles() const { return static_cast<size_t>(rows) * columns; }  // of one image
};

inline TileGrid MakeTileGrid(int height, int width, int pad_top, int pad_left, int out_height, int out_width) {
  return {height, width, pad_top, pad_left, out_height, out_width, (out_height + 3) / 4, (out_width + 3) / 4};
}

inline TileGrid ForwardGrid(const ConvShape& s) {
  return MakeTileGrid(s.height, s.width, s.pad_top, s.pad_left, s.OutHeight(), s.OutWidth());
}

// The gradient of the input is a convolution of the output's gradient, padded by what is missing to kernel - 1.
inline TileGrid BackwardGrid(const ConvShape& s) {
  return MakeTileGrid(s.OutHeight(), s.OutWidth(), s.kernel - 1 - s.pad_top, s.kernel - 1 - s.pad_left, s.height,
                      s.width);
}

}  // namespace downpour::nn

#endif  // DOWNPOUR_KERNELS_NN_SIMD_TILE_GRID_H_
