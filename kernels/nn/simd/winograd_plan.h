#ifndef DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_PLAN_H_
#define DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_PLAN_H_

#include <algorithm>
#include <cstddef>

#include "kernels/nn/shapes.h"
#include "kernels/nn/simd/tile_grid.h"

namespace downpour::nn {

// How a Winograd pass cuts its work, and how it lays out its workspace; the same for every SIMD level.
struct WinogradPlan {
  size_t points;  // transformed elements of a tile
  size_t in_row;  // channels, padded
  size_t out_row;
  size_t group_images;  // images that a callback gets at once
  size_t chunk_tiles;   // tiles that are in the transformed domain at once
  size_t in_points;     // floats from one point's matrix to the next, of chunk_tiles rows of in_row
  size_t out_points;    // likewise of out_row

  size_t InFloats() const { return points * in_points; }
  size_t OutFloats() const { return points * out_points; }
};

inline WinogradPlan PlanWinograd(const ConvShape& s, size_t tiles_of_image) {
  constexpr size_t kBlock = 16;                // of channels
  constexpr size_t kCacheFloats = 300 * 1024;  // both transformed arrays together: less than a second-level cache
  WinogradPlan plan = {};
  const size_t side = static_cast<size_t>(s.kernel) + 3;
  plan.points = side * side;
  plan.in_row = (s.in_channels + kBlock - 1) / kBlock * kBlock;
  plan.out_row = (s.out_channels + kBlock - 1) / kBlock * kBlock;
  const size_t fits = kCacheFloats / (plan.points * (plan.in_row + plan.out_row));
  // Below two dozen, the matrix products would wait for the weights.
  plan.chunk_tiles = std::clamp<size_t>(fits, 24, 192) / 12 * 12;
  plan.group_images = std::clamp<size_t>(plan.chunk_tiles / tiles_of_image, 1, static_cast<size_t>(s.batch));
  if (tiles_of_image <= plan.chunk_tiles) plan.chunk_tiles = plan.group_images * tiles_of_image;
  // A cache line more than the matrix, so that the points of one tile do not fall into the same sets of the cache.
  plan.in_points = plan.chunk_tiles * plan.in_row + kBlock;
  plan.out_points = plan.chunk_tiles * plan.out_row + kBlock;
  return plan;
}

}  // namespace downpour::nn

#endif  // DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_PLAN_H_
