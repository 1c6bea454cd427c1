// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_INL_H_
#undef DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_INL_H_
#else
#define DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "hwy/highway.h"
#include "kernels/nn/convolution.h"
#include "kernels/nn/simd/gemm-inl.h"
#include "kernels/nn/simd/thin-inl.h"
#include "kernels/nn/simd/thin_plan.h"
#include "kernels/nn/simd/vector-inl.h"
#include "kernels/nn/simd/winograd_plan.h"
#include "kernels/nn/simd/winograd_tiles-inl.h"
#include "kernels/nn/simd/winograd_weights-inl.h"

// The passes of a convolution for any number of channels: transform a chunk of tiles, multiply the matrices of each
// point, transform back.

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

// One direction of data: from images of in_channels to images of out_channels, through prepared weights.
struct DataPass {
  TileGrid grid;
  size_t in_channels;
  size_t out_channels;
  const float* prepared;
  OutputEnd end;
  size_t chunk_tiles;
  PointMatrices in;   // chunk_tiles x in_channels, padded
  PointMatrices out;  // chunk_tiles x out_channels, padded
};

template <int R>
HWY_INLINE void RunDataPass(const DataPass& pass, const float* x, size_t images, float* y) {
  constexpr int kPoints = Winograd<R>::kTile * Winograd<R>::kTile;
  const size_t tiles = images * pass.grid.Tiles();
  for (size_t begin = 0; begin < tiles; begin += pass.chunk_tiles) {
    const size_t end = std::min(tiles, begin + pass.chunk_tiles);
    TransformInput<R>(pass.grid, x, pass.in_channels, begin, end, pass.in);
    for (int point = 0; point < kPoints; ++point) {
      Gemm<false>({pass.in.data + point * pass.in.point_stride, pass.in.row, 1,
                   pass.prepared + point * pass.in_channels * pass.out.row, pass.out.row,
                   pass.out.data + point * pass.out.point_stride, pass.out.row},
                  end - begin, pass.out.row, pass.in_channels);
    }
    GatherOutput<R>(pass.grid, pass.out, pass.out_channels, begin, end, pass.end, y);
  }
}

// The gradient of the weights, summed over tiles in the transformed domain.
struct WeightsPass {
  TileGrid grid;
  size_t in_channels;
  size_t out_channels;
  size_t chunk_tiles;
  PointMatrices in;
  PointMatrices out;
  float* sums;       // points x in_channels x padded out_channels
  float* bias_sums;  // padded out_channels
};

template <int R>
HWY_INLINE void RunWeightsPass(const WeightsPass& pass, const float* x, const float* dy, size_t images, bool first) {
  constexpr int kPoints = Winograd<R>::kTile * Winograd<R>::kTile;
  const size_t tiles = images * pass.grid.Tiles();
  for (size_t begin = 0; begin < tiles; begin += pass.chunk_tiles) {
    const size_t end = std::min(tiles, begin + pass.chunk_tiles);
    TransformInput<R>(pass.grid, x, pass.in_channels, begin, end, pass.in);
    TransformGradient<R>(pass.grid, dy, pass.out_channels, begin, end, pass.out, pass.bias_sums);
    for (int point = 0; point < kPoints; ++point) {
      const GemmOperands op = {pass.in.data + point * pass.in.point_stride,
                               1,
                               pass.in.row,
                               pass.out.data + point * pass.out.point_stride,
                               pass.out.row,
                               pass.sums + point * pass.in_channels * pass.out.row,
                               pass.out.row};
      if (first && begin == 0) {
        Gemm<false>(op, pass.in_channels, pass.out.row, end - begin);
      } else {
        Gemm<true>(op, pass.in_channels, pass.out.row, end - begin);
      }
    }
  }
}

template <int R>
class WinogradRun {
 public:
  static void PrepareForward(const ConvShape& s, const float* weights, float* prepared) {
    PrepareForwardRun<R>(s, Layout(s), weights, prepared);
  }
  static void PrepareBackward(const ConvShape& s, const float* weights, float* prepared) {
    PrepareBackwardRun<R>(s, weights, prepared);
  }

  static size_t ForwardFloats(const ConvShape& s) {
    if (IsThin(s)) return ThinRun<R>::ForwardFloats(s);
    const WinogradPlan plan = PlanWinograd(s, ForwardGrid(s).Tiles());
    return plan.out_row + plan.InFloats() + plan.OutFloats() + RoundUp(plan.group_images * s.OutImage(), 16);
  }

  static void Forward(const ConvShape& s, const ConvolutionKernels::ForwardArgs& args,
                      const ConvolutionKernels::Consumer* consumer) {
    if (IsThin(s)) return ThinRun<R>::Forward(s, args, consumer);
    const TileGrid grid = ForwardGrid(s);
    const WinogradPlan plan = PlanWinograd(s, grid.Tiles());
    float* const bias = args.workspace;
    float* const in = bias + plan.out_row;
    float* const out = in + plan.InFloats();
    float* const group = out + plan.OutFloats();
    CopyBias(args.bias, s.out_channels, plan.out_row, bias);
    const DataPass pass = {grid,
                           static_cast<size_t>(s.in_channels),
                           static_cast<size_t>(s.out_channels),
                           args.prepared,
                           {bias, args.relu},
                           plan.chunk_tiles,
                           {in, plan.in_points, plan.in_row},
                           {out, plan.out_points, plan.out_row}};
    const size_t batch = s.batch;
    for (size_t first = 0; first < batch; first += plan.group_images) {
      const size_t images = std::min(plan.group_images, batch - first);
      float* const y = args.y != nullptr ? args.y + first * s.OutImage() : group;
      RunDataPass<R>(pass, args.x + first * s.InImage(), images, y);
      if (consumer != nullptr) (*consumer)(first, images, y);
    }
  }

  static size_t BackwardFloats(const ConvShape& s) {
    const WinogradPlan plan = BackwardPlan(s);
    return RoundUp(plan.group_images * s.OutImage(), 16) + plan.InFloats() + plan.OutFloats() + plan.in_row +
           plan.out_row + plan.points * s.in_channels * plan.out_row + (IsThin(s) ? ThinRun<R>::WeightsFloats(s) : 0);
  }

  static void Backward(const ConvShape& s, const ConvolutionKernels::BackwardArgs& args,
                       const ConvolutionKernels::Producer* producer) {
    const WinogradPlan plan = BackwardPlan(s);
    float* const group = args.workspace;
    float* const in = group + RoundUp(plan.group_images * s.OutImage(), 16);
    float* const out = in + plan.InFloats();
    float* const zeros = out + plan.OutFloats();  // the bias of the data pass
    float* const bias_sums = zeros + plan.in_row;
    float* const sums = bias_sums + plan.out_row;
    float* const thin_scratch = sums + plan.points * s.in_channels * plan.out_row;
    std::memset(zeros, 0, (plan.in_row + plan.out_row) * sizeof(float));
    if (IsThin(s)) std::memset(sums, 0, plan.points * s.in_channels * plan.out_row * sizeof(float));
    const size_t in_channels = s.in_channels;
    const size_t out_channels = s.out_channels;
    const PointMatrices of_in = {in, plan.in_points, plan.in_row};
    const PointMatrices of_out = {out, plan.out_points, plan.out_row};
    const WeightsPass weights = {ForwardGrid(s), in_channels, out_channels, plan.chunk_tiles,
                                 of_in,          of_out,      sums,         bias_sums};
    const DataPass data = {BackwardGrid(s), out_channels,     in_channels, args.prepared,
                           {zeros, false},  plan.chunk_tiles, of_out,      of_in};
    const size_t batch = s.batch;
    for (size_t first = 0; first < batch; first += plan.group_images) {
      const size_t images = std::min(plan.group_images, batch - first);
      const float* dy = args.dy + (producer == nullptr ? first * s.OutImage() : 0);
      if (producer != nullptr) {
        (*producer)(first, images, group);
        dy = group;
      }
      const float* const x = args.x + first * s.InImage();
      if (args.dweights != nullptr && IsThin(s)) {
        for (size_t i = 0; i < images; ++i) {
          ThinRun<R>::AddImage(s, x + i * s.InImage(), dy + i * s.OutImage(), thin_scratch, sums, bias_sums);
        }
      } else if (args.dweights != nullptr) {
        RunWeightsPass<R>(weights, x, dy, images, first == 0);
      }
      if (args.dx != nullptr) RunDataPass<R>(data, dy, images, args.dx + first * s.InImage());
    }
    if (args.dweights != nullptr) GatherWeights<R>(s, Layout(s), sums, args.dweights);
    if (args.dbias != nullptr) std::memcpy(args.dbias, bias_sums, out_channels * sizeof(float));
  }

 private:
  static WeightLayout Layout(const ConvShape& s) {
    if (IsThin(s)) return ThinLayout(Winograd<R>::kTile * Winograd<R>::kTile, s.in_channels);
    return MatrixLayout(s.in_channels, s.out_channels);
  }

  // For both grids, of which either may have more tiles.
  static WinogradPlan BackwardPlan(const ConvShape& s) {
    return PlanWinograd(s, std::max(ForwardGrid(s).Tiles(), BackwardGrid(s).Tiles()));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_INL_H_
