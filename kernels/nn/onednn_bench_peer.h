#ifndef DOWNPOUR_KERNELS_NN_ONEDNN_BENCH_PEER_H_
#define DOWNPOUR_KERNELS_NN_ONEDNN_BENCH_PEER_H_

#include <functional>
#include <string>
#include <vector>

#include "kernels/nn/shapes.h"

namespace downpour::nn {

// What nn_bench compares with: the same passes by oneDNN, on memory of its own, with weights already in the layout that
// it likes best. One thread.

struct OneDnnPasses {
  std::string name;  // "onednn_nhwc", or "onednn_any": images in the layout that it likes best
  std::function<void()> forward;
  std::function<void()> backward_data;
  std::function<void()> backward_weights;
};

// A convolution with bias, in each layout.
std::vector<OneDnnPasses> OneDnnConvolutions(const ConvShape& shape);

// Convolution, bias, relu, max pool and lrn as passes one after the other, all nhwc. backward_weights is the whole
// backward pass but for the gradient of the input; backward_data is empty.
OneDnnPasses OneDnnFirstStage(const ConvShape& shape, const PoolShape& pool, const LrnParams& lrn);

// Lrn and max pool; backward_data is the backward pass with the gradient of a relu in front.
OneDnnPasses OneDnnLrnMax(const PoolShape& pool, const LrnParams& lrn);

// Keeps oneDNN to the calling thread.
void UseOneThreadInOneDnn();

}  // namespace downpour::nn

#endif  // DOWNPOUR_KERNELS_NN_ONEDNN_BENCH_PEER_H_
