#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/nn/reference/topics.h"

namespace downpour::nn {
namespace {

// Calls body(output element, window's number of it, input element) for the elements of all windows that lie inside, one
// output channel's window after the other, row by row.
template <class Body>
void ForWindows(const PoolShape& s, const Body& body) {
  for (int b = 0; b < s.batch; ++b) {
    for (int oy = 0; oy < s.y.out; ++oy) {
      for (int ox = 0; ox < s.x.out; ++ox) {
        for (int c = 0; c < s.channels; ++c) {
          const size_t out = b * s.OutImage() + (size_t{1} * oy * s.x.out + ox) * s.channels + c;
          for (int ky = 0; ky < s.y.window; ++ky) {
            for (int kx = 0; kx < s.x.window; ++kx) {
              const int iy = oy * s.y.stride - s.y.pad + ky;
              const int ix = ox * s.x.stride - s.x.pad + kx;
              if (iy < 0 || iy >= s.height || ix < 0 || ix >= s.width) continue;
              body(out, size_t{1} * ky * s.x.window + kx,
                   b * s.InImage() + (size_t{1} * iy * s.width + ix) * s.channels + c);
            }
          }
        }
      }
    }
  }
}

void PutArgmax(const PoolShape& s, uint8_t* argmax, size_t out, size_t number) {
  if (s.WindowArea() <= 256) {
    argmax[out] = static_cast<uint8_t>(number);
  } else {
    const uint32_t wide = static_cast<uint32_t>(number);
    std::memcpy(argmax + 4 * out, &wide, 4);
  }
}

size_t GetArgmax(const PoolShape& s, const uint8_t* argmax, size_t out) {
  if (s.WindowArea() <= 256) return argmax[out];
  uint32_t wide = 0;
  std::memcpy(&wide, argmax + 4 * out, 4);
  return wide;
}

std::vector<size_t> WindowSizes(const PoolShape& s, bool count_padding) {
  std::vector<size_t> sizes(s.batch * s.OutImage(), count_padding ? s.WindowArea() : 0);
  if (!count_padding) ForWindows(s, [&sizes](size_t out, size_t /*number*/, size_t /*in*/) { ++sizes[out]; });
  return sizes;
}

// Calls body(c, d) for the channels d in the window of c.
template <class Body>
void ForNeighbours(size_t channels, int radius, const Body& body) {
  for (size_t c = 0; c < channels; ++c) {
    const size_t first = c > static_cast<size_t>(radius) ? c - radius : 0;
    for (size_t d = first; d < std::min(channels, c + radius + 1); ++d) body(c, d);
  }
}

std::vector<double> LrnScales(const LrnParams& lrn, size_t channels, const float* x) {
  std::vector<double> scales(channels, lrn.bias);
  ForNeighbours(channels, lrn.radius, [&](size_t c, size_t d) { scales[c] += double{lrn.alpha} * x[d] * x[d]; });
  return scales;
}

class Reference final : public PoolingKernels {
 public:
  void MaxForward(const PoolShape& s, const float* x, float* y, uint8_t* argmax) const override {
    std::vector<bool> any(s.batch * s.OutImage());
    ForWindows(s, [&](size_t out, size_t number, size_t in) {
      if (any[out] && !(x[in] > y[out])) return;
      any[out] = true;
      y[out] = x[in];
      if (argmax != nullptr) PutArgmax(s, argmax, out, number);
    });
  }
  void MaxBackward(const PoolShape& s, const float* dy, const uint8_t* argmax, float* dx) const override {
    std::vector<double> sums(s.batch * s.InImage());
    ForWindows(s, [&](size_t out, size_t number, size_t in) {
      if (GetArgmax(s, argmax, out) == number) sums[in] += dy[out];
    });
    std::copy(sums.begin(), sums.end(), dx);
  }

  void AverageForward(const PoolShape& s, bool count_padding, const float* x, float* y) const override {
    const std::vector<size_t> sizes = WindowSizes(s, count_padding);
    std::vector<double> sums(sizes.size());
    ForWindows(s, [&](size_t out, size_t /*number*/, size_t in) { sums[out] += x[in]; });
    for (size_t i = 0; i < sums.size(); ++i) y[i] = static_cast<float>(sums[i] / static_cast<double>(sizes[i]));
  }
  void AverageBackward(const PoolShape& s, bool count_padding, const float* dy, float* dx) const override {
    const std::vector<size_t> sizes = WindowSizes(s, count_padding);
    std::vector<double> sums(s.batch * s.InImage());
    ForWindows(s, [&](size_t out, size_t /*number*/, size_t in) { sums[in] += dy[out] / double(sizes[out]); });
    std::copy(sums.begin(), sums.end(), dx);
  }

  void GlobalAverageForward(size_t batch, size_t pixels, size_t channels, const float* x, float* y) const override {
    for (size_t b = 0; b < batch; ++b) {
      for (size_t c = 0; c < channels; ++c) {
        double sum = 0;
        for (size_t p = 0; p < pixels; ++p) sum += x[(b * pixels + p) * channels + c];
        y[b * channels + c] = static_cast<float>(sum / static_cast<double>(pixels));
      }
    }
  }
  void GlobalAverageBackward(size_t batch, size_t pixels, size_t channels, const float* dy, float* dx) const override {
    for (size_t i = 0; i < batch * pixels * channels; ++i) {
      const size_t image = i / (pixels * channels);
      dx[i] = static_cast<float>(double{dy[image * channels + i % channels]} / static_cast<double>(pixels));
    }
  }

  void LrnForward(const LrnParams& lrn, size_t pixels, size_t channels, const float* x, float* y) const override {
    for (size_t p = 0; p < pixels; ++p, x += channels, y += channels) {
      const std::vector<double> scales = LrnScales(lrn, channels, x);
      for (size_t c = 0; c < channels; ++c) {
        y[c] = static_cast<float>(x[c] * std::pow(scales[c], -double{lrn.beta}));
      }
    }
  }
  void LrnBackward(const LrnParams& lrn, size_t pixels, size_t channels, const float* x, const float* dy, bool relu,
                   float* dx) const override {
    for (size_t p = 0; p < pixels; ++p, x += channels, dy += channels, dx += channels) {
      const std::vector<double> scales = LrnScales(lrn, channels, x);
      std::vector<double> sums(channels);
      ForNeighbours(channels, lrn.radius,
                    [&](size_t c, size_t d) { sums[c] += dy[d] * x[d] * std::pow(scales[d], -double{lrn.beta} - 1); });
      for (size_t c = 0; c < channels; ++c) {
        const double direct = dy[c] * std::pow(scales[c], -double{lrn.beta});
        const double gradient = direct - 2.0 * lrn.alpha * lrn.beta * x[c] * sums[c];
        dx[c] = relu && !(x[c] > 0) ? 0.0f : static_cast<float>(gradient);
      }
    }
  }

  void MaxLrnForward(const PoolShape& s, const LrnParams& lrn, const float* x, float* pooled, uint8_t* argmax,
                     float* y) const override {
    MaxForward(s, x, pooled, argmax);
    LrnForward(lrn, size_t{1} * s.batch * s.y.out * s.x.out, s.channels, pooled, y);
  }
  void MaxLrnBackward(const PoolShape& s, const LrnParams& lrn, const float* pooled, const uint8_t* argmax,
                      const float* dy, bool relu, float* dx, float* /*workspace*/) const override {
    std::vector<float> dpooled(s.batch * s.OutImage());
    LrnBackward(lrn, size_t{1} * s.batch * s.y.out * s.x.out, s.channels, pooled, dy, relu, dpooled.data());
    MaxBackward(s, dpooled.data(), argmax, dx);
  }

  void LrnMaxForward(const PoolShape& s, const LrnParams& lrn, const float* x, float* y, uint8_t* argmax,
                     float* /*workspace*/) const override {
    std::vector<float> normalised(s.batch * s.InImage());
    LrnForward(lrn, size_t{1} * s.batch * s.height * s.width, s.channels, x, normalised.data());
    MaxForward(s, normalised.data(), y, argmax);
  }
  void LrnMaxBackward(const PoolShape& s, const LrnParams& lrn, const float* x, const uint8_t* argmax, const float* dy,
                      bool relu, float* dx) const override {
    std::vector<float> unpooled(s.batch * s.InImage());
    MaxBackward(s, dy, argmax, unpooled.data());
    LrnBackward(lrn, size_t{1} * s.batch * s.height * s.width, s.channels, x, unpooled.data(), relu, dx);
  }
};

}  // namespace

const PoolingKernels& ReferencePooling() {
  static constexpr Reference kernels;
  return kernels;
}

}  // namespace downpour::nn
