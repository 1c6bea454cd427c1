// The sizes that the kernels of this package take. All arrays are float32, dense, channels last: an image batch is
// [batch, height, width, channels]. Nothing here checks what it is given: sizes are at least 1, and what else must hold
// is said at each field; the layers above refuse anything else with an error that names the layer.
#ifndef DOWNPOUR_KERNELS_NN_SHAPES_H_
#define DOWNPOUR_KERNELS_NN_SHAPES_H_

#include <algorithm>
#include <cstddef>

namespace downpour::nn {

// A convolution of stride 1, dilation 1, one group, with a square kernel. Weights are [kernel, kernel, in, out].
struct ConvShape {
  int batch = 1;
  int height = 1;  // of the input, as is width
  int width = 1;
  int in_channels = 1;
  int out_channels = 1;
  int kernel = 3;                                                // 3 or 5
  int pad_top = 0, pad_bottom = 0, pad_left = 0, pad_right = 0;  // rows and columns of zeros, each < kernel
  constexpr int OutHeight() const { return height + pad_top + pad_bottom - kernel + 1; }  // at least 1
  constexpr int OutWidth() const { return width + pad_left + pad_right - kernel + 1; }    // at least 1

  constexpr size_t InImage() const { return size_t{1} * height * width * in_channels; }  // floats of one image
  constexpr size_t OutImage() const { return size_t{1} * OutHeight() * OutWidth() * out_channels; }
  constexpr size_t Weights() const { return size_t{1} * kernel * kernel * in_channels * out_channels; }
};

// Whether the convolutions of this package can compute it; everything else about a shape is free.
constexpr bool IsSupported(const ConvShape& s) {
  const auto pad_fits = [&s](int pad) { return pad >= 0 && pad < s.kernel; };
  return (s.kernel == 3 || s.kernel == 5) && s.batch >= 1 && s.height >= 1 && s.width >= 1 && s.in_channels >= 1 &&
         s.out_channels >= 1 && pad_fits(s.pad_top) && pad_fits(s.pad_bottom) && pad_fits(s.pad_left) &&
         pad_fits(s.pad_right) && s.OutHeight() >= 1 && s.OutWidth() >= 1;
}

// Where windows lie along one axis. `pad` elements in front of the first are outside; so may be some behind the last.
struct WindowAxis {
  int window = 1;
  int stride = 1;
  int pad = 0;  // less than `window`
  int out = 1;  // windows; each holds at least one element of the input

  // As TensorFlow counts: SAME has ceil(size / stride) windows and puts the odd element of padding behind, VALID has
  // only windows that lie wholly inside (window <= size).
  static constexpr WindowAxis Same(int size, int window, int stride) {
    const int out = (size + stride - 1) / stride;
    return {window, stride, std::max(0, (out - 1) * stride + window - size) / 2, out};
  }
  static constexpr WindowAxis Valid(int size, int window, int stride) {
    return {window, stride, 0, (size - window) / stride + 1};
  }
};

// A pooling of [batch, height, width, channels] to [batch, y.out, x.out, channels].
struct PoolShape {
  int batch = 1;
  int height = 1;
  int width = 1;
  int channels = 1;
  WindowAxis y;
  WindowAxis x;

  constexpr size_t InImage() const { return size_t{1} * height * width * channels; }  // floats of one image
  constexpr size_t OutImage() const { return size_t{1} * y.out * x.out * channels; }
  constexpr size_t WindowArea() const { return size_t{1} * y.window * x.window; }
};

// Local response normalisation across channels: y[c] = x[c] * s[c]^-beta, where s[c] = bias + alpha * the sum of x^2
// over the channels c - radius ... c + radius that exist. (Alpha is not divided by the size of the window.)
inline constexpr int kLrnRadiusMax = 64;
struct LrnParams {
  int radius = 4;  // 0 to kLrnRadiusMax; 4 has a faster path
  float bias = 1;
  float alpha = 1e-4f;
  float beta = 0.75f;  // 0.75 has a faster path
};

}  // namespace downpour::nn

#endif  // DOWNPOUR_KERNELS_NN_SHAPES_H_
