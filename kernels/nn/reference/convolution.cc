#include <algorithm>
#include <vector>

#include "kernels/nn/reference/topics.h"

namespace downpour::nn {
namespace {

// Calls body(output pixel, input pixel, tap) for all that meet in a convolution of one image.
template <class Body>
void ForMeetings(const ConvShape& s, const Body& body) {
  for (int oy = 0; oy < s.OutHeight(); ++oy) {
    for (int ox = 0; ox < s.OutWidth(); ++ox) {
      for (int ky = 0; ky < s.kernel; ++ky) {
        for (int kx = 0; kx < s.kernel; ++kx) {
          const int iy = oy + ky - s.pad_top;
          const int ix = ox + kx - s.pad_left;
          if (iy < 0 || iy >= s.height || ix < 0 || ix >= s.width) continue;
          body(size_t{1} * oy * s.OutWidth() + ox, size_t{1} * iy * s.width + ix, size_t{1} * ky * s.kernel + kx);
        }
      }
    }
  }
}

class Reference final : public ConvolutionKernels {
 public:
  size_t PreparedFloats(const ConvShape& s) const override { return s.Weights(); }
  void PrepareForward(const ConvShape& s, const float* weights, float* prepared) const override {
    std::copy_n(weights, s.Weights(), prepared);
  }
  void PrepareBackward(const ConvShape& s, const float* weights, float* prepared) const override {
    std::copy_n(weights, s.Weights(), prepared);
  }

  size_t ForwardWorkspaceFloats(const ConvShape& s) const override { return s.OutImage(); }
  void Forward(const ConvShape& s, const ForwardArgs& args) const override {
    Forward(s, args, [](size_t /*first*/, size_t /*count*/, const float* /*y*/) {});
  }
  void Forward(const ConvShape& s, const ForwardArgs& args, Consumer consumer) const override {
    for (int b = 0; b < s.batch; ++b) {
      float* const y = args.y != nullptr ? args.y + b * s.OutImage() : args.workspace;
      ForwardImage(s, args, args.x + b * s.InImage(), y);
      consumer(b, 1, y);
    }
  }

  size_t BackwardWorkspaceFloats(const ConvShape& s) const override { return s.OutImage(); }
  void Backward(const ConvShape& s, const BackwardArgs& args) const override {
    Backward(s, args, [&s, &args](size_t first, size_t count, float* dy) {
      std::copy_n(args.dy + first * s.OutImage(), count * s.OutImage(), dy);
    });
  }
  void Backward(const ConvShape& s, const BackwardArgs& args, Producer producer) const override {
    std::vector<double> dweights(s.Weights());
    std::vector<double> dbias(s.out_channels);
    for (int b = 0; b < s.batch; ++b) {
      const float* const dy = args.workspace;
      producer(b, 1, args.workspace);
      if (args.dx != nullptr) InputGradient(s, args.prepared, dy, args.dx + b * s.InImage());
      if (args.dweights != nullptr) AddWeightGradient(s, args.x + b * s.InImage(), dy, &dweights);
      for (size_t i = 0; i < s.OutImage(); ++i) dbias[i % s.out_channels] += dy[i];
    }
    if (args.dweights != nullptr) std::copy(dweights.begin(), dweights.end(), args.dweights);
    if (args.dbias != nullptr) std::copy(dbias.begin(), dbias.end(), args.dbias);
  }

 private:
  static void ForwardImage(const ConvShape& s, const ForwardArgs& args, const float* x, float* y) {
    const size_t in = s.in_channels;
    const size_t out = s.out_channels;
    std::vector<double> sums(s.OutImage());
    for (size_t i = 0; i < sums.size() && args.bias != nullptr; ++i) sums[i] = args.bias[i % out];
    ForMeetings(s, [&](size_t to, size_t from, size_t tap) {
      for (size_t i = 0; i < in; ++i) {
        const float* const weights = args.prepared + (tap * in + i) * out;
        for (size_t o = 0; o < out; ++o) sums[to * out + o] += double{x[from * in + i]} * weights[o];
      }
    });
    for (size_t i = 0; i < sums.size(); ++i) y[i] = static_cast<float>(args.relu ? std::max(0.0, sums[i]) : sums[i]);
  }

  static void InputGradient(const ConvShape& s, const float* weights, const float* dy, float* dx) {
    const size_t in = s.in_channels;
    const size_t out = s.out_channels;
    std::vector<double> sums(s.InImage());
    ForMeetings(s, [&](size_t to, size_t from, size_t tap) {
      for (size_t i = 0; i < in; ++i) {
        for (size_t o = 0; o < out; ++o) {
          sums[from * in + i] += double{dy[to * out + o]} * weights[(tap * in + i) * out + o];
        }
      }
    });
    std::copy(sums.begin(), sums.end(), dx);
  }

  static void AddWeightGradient(const ConvShape& s, const float* x, const float* dy, std::vector<double>* dweights) {
    const size_t in = s.in_channels;
    const size_t out = s.out_channels;
    ForMeetings(s, [&](size_t to, size_t from, size_t tap) {
      for (size_t i = 0; i < in; ++i) {
        double* const sums = dweights->data() + (tap * in + i) * out;
        for (size_t o = 0; o < out; ++o) sums[o] += double{x[from * in + i]} * dy[to * out + o];
      }
    });
  }
};

}  // namespace

const ConvolutionKernels& ReferenceConvolution() {
  static constexpr Reference kernels;
  return kernels;
}

}  // namespace downpour::nn
