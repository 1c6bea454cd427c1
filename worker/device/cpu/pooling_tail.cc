#include "worker/device/cpu/pooling_tail.h"

#include <algorithm>
#include <limits>

namespace downpour {
namespace {

bool FitsInt(int64_t value) { return value <= std::numeric_limits<int>::max(); }

bool IsSupportedAxis(const WindowAxis& axis) {
  return FitsInt(axis.input) && FitsInt(axis.output) && FitsInt(axis.kernel) && FitsInt(axis.stride) &&
         axis.dilation == 1 && axis.before < axis.kernel;
}

nn::WindowAxis MakeAxis(const WindowAxis& axis) {
  return {.window = static_cast<int>(axis.kernel),
          .stride = static_cast<int>(axis.stride),
          .pad = static_cast<int>(axis.before),
          .out = static_cast<int>(axis.output)};
}

}  // namespace

bool IsSupportedPool(const Pool2D& pool) {
  return IsSupportedAxis(pool.window.height) && IsSupportedAxis(pool.window.width) && FitsInt(pool.channels);
}

nn::PoolShape MakePoolShape(const Pool2D& pool) {
  return {.batch = 1,
          .height = static_cast<int>(pool.window.height.input),
          .width = static_cast<int>(pool.window.width.input),
          .channels = static_cast<int>(pool.channels),
          .y = MakeAxis(pool.window.height),
          .x = MakeAxis(pool.window.width)};
}

nn::LrnParams MakeLrnParams(const Lrn& lrn) {
  return {.radius = static_cast<int>(std::min(lrn.radius, lrn.channels)),
          .bias = static_cast<float>(lrn.bias),
          .alpha = static_cast<float>(lrn.alpha),
          .beta = static_cast<float>(lrn.beta)};
}

std::optional<PoolingTail> PoolingTail::Match(std::span<const Layer* const> layers, bool after_relu) {
  PoolingTail tail;
  tail.after_relu_ = after_relu;
  for (const Layer* layer : layers) {
    if (const Pool2D* pool = layer->As<Pool2D>()) {
      if (tail.has_pool() || pool->kind != Pool2D::Kind::kMax || !IsSupportedPool(*pool)) break;
      tail.pool_ = MakePoolShape(*pool);
      tail.pool_first_ = !tail.has_lrn();
    } else if (const Lrn* lrn = layer->As<Lrn>()) {
      if (tail.has_lrn()) break;
      tail.lrn_ = *lrn;
      tail.lrn_params_ = MakeLrnParams(*lrn);
    } else {
      break;
    }
    if (tail.length() == 1) tail.input_image_ = static_cast<size_t>(layer->inputs[0].elements);
    tail.output_image_ = static_cast<size_t>(layer->output.elements);
  }
  if (tail.length() == 0) return std::nullopt;
  return tail;
}

nn::PoolShape PoolingTail::Pool(size_t count) const {
  nn::PoolShape shape = *pool_;
  shape.batch = static_cast<int>(count);
  return shape;
}

size_t PoolingTail::PooledBytes(int64_t batch) const {
  return has_lrn() && has_pool() && pool_first_ ? static_cast<size_t>(batch) * output_image_ * sizeof(float) : 0;
}

size_t PoolingTail::ArgmaxBytes(int64_t batch) const {
  return has_pool() ? static_cast<size_t>(batch) * nn::PoolingKernels::ArgmaxBytes(*pool_) : 0;
}

size_t PoolingTail::WorkspaceBytes() const {
  if (!has_pool()) return 0;
  const size_t floats =
      std::max({nn::PoolingKernels::MaxLrnWorkspaceFloats(*pool_), nn::PoolingKernels::LrnMaxWorkspaceFloats(*pool_)});
  // And one image of what is neither kept nor handed on: what is pooled, in evaluation; a masked gradient.
  return (floats + output_image_) * sizeof(float);
}

void PoolingTail::Forward(const nn::NnKernels& nn, size_t first, size_t count, const float* x, const Kept* kept,
                          float* y, void* workspace) const {
  y += first * output_image_;
  if (!has_pool()) return nn.pooling.LrnForward(lrn_params_, LrnPixels(count), LrnChannels(), x, y);
  uint8_t* const argmax = kept != nullptr ? kept->argmax + ArgmaxBytes(static_cast<int64_t>(first)) : nullptr;
  if (!has_lrn()) return nn.pooling.MaxForward(Pool(count), x, y, argmax);
  auto* const scratch = static_cast<float*>(workspace);
  if (!pool_first_) return nn.pooling.LrnMaxForward(Pool(count), lrn_params_, x, y, argmax, scratch);
  if (kept != nullptr) {
    return nn.pooling.MaxLrnForward(Pool(count), lrn_params_, x, kept->pooled + first * output_image_, argmax, y);
  }
  for (size_t i = 0; i < count; ++i) {
    nn.pooling.MaxForward(Pool(1), x + i * input_image_, scratch, nullptr);
    nn.pooling.LrnForward(lrn_params_, LrnPixels(1), LrnChannels(), scratch, y + i * output_image_);
  }
}

void PoolingTail::Backward(const nn::NnKernels& nn, size_t first, size_t count, const Kept& kept, const float* y,
                           const float* dy, float* dx, void* workspace) const {
  dy += first * output_image_;
  const float* const x = ReadsInput() ? kept.x + first * input_image_ : nullptr;
  if (!has_pool()) {
    return nn.pooling.LrnBackward(lrn_params_, LrnPixels(count), LrnChannels(), x, dy, after_relu_, dx);
  }
  const uint8_t* const argmax = kept.argmax + ArgmaxBytes(static_cast<int64_t>(first));
  auto* const scratch = static_cast<float*>(workspace);
  if (has_lrn() && pool_first_) {
    return nn.pooling.MaxLrnBackward(Pool(count), lrn_params_, kept.pooled + first * output_image_, argmax, dy,
                                     after_relu_, dx, scratch);
  }
  if (has_lrn()) return nn.pooling.LrnMaxBackward(Pool(count), lrn_params_, x, argmax, dy, after_relu_, dx);
  if (!after_relu_) return nn.pooling.MaxBackward(Pool(count), dy, argmax, dx);
  for (size_t i = 0; i < count; ++i) {  // the largest of a window was let through where it is positive
    nn.elementwise.ActivationBackward(nn::Activation::kRelu, 0, y + (first + i) * output_image_, dy + i * output_image_,
                                      scratch, output_image_);
    nn.pooling.MaxBackward(Pool(1), scratch, argmax + ArgmaxBytes(static_cast<int64_t>(i)), dx + i * input_image_);
  }
}

}  // namespace downpour
