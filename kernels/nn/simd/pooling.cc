// This file is compiled once per instruction set: foreach_target.h includes it again for each but the last.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/nn/simd/pooling.cc"

#include "kernels/nn/pooling.h"

#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/highway.h"
#include "kernels/nn/simd/export_levels.h"
#include "kernels/nn/simd/lrn-inl.h"
#include "kernels/nn/simd/pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

class SimdPooling final : public PoolingKernels {
 public:
  void MaxForward(const PoolShape& s, const float* x, float* y, uint8_t* argmax) const override {
    for (int b = 0; b < s.batch; ++b) MaxImage(s, x + b * s.InImage(), y + b * s.OutImage(), Numbers(s, argmax, b));
  }
  void MaxBackward(const PoolShape& s, const float* dy, const uint8_t* argmax, float* dx) const override {
    for (int b = 0; b < s.batch; ++b) {
      UnpoolMaxImageOf(s, dy + b * s.OutImage(), Numbers(s, argmax, b), dx + b * s.InImage());
    }
  }

  void AverageForward(const PoolShape& s, bool count_padding, const float* x, float* y) const override {
    for (int b = 0; b < s.batch; ++b) AverageImage(s, count_padding, x + b * s.InImage(), y + b * s.OutImage());
  }
  void AverageBackward(const PoolShape& s, bool count_padding, const float* dy, float* dx) const override {
    for (int b = 0; b < s.batch; ++b) UnpoolAverageImage(s, count_padding, dy + b * s.OutImage(), dx + b * s.InImage());
  }
  void GlobalAverageForward(size_t batch, size_t pixels, size_t channels, const float* x, float* y) const override {
    for (size_t b = 0; b < batch; ++b)
      GlobalAverageImage(pixels, channels, x + b * pixels * channels, y + b * channels);
  }
  void GlobalAverageBackward(size_t batch, size_t pixels, size_t channels, const float* dy, float* dx) const override {
    for (size_t b = 0; b < batch; ++b)
      GlobalUnpoolImage(pixels, channels, dy + b * channels, dx + b * pixels * channels);
  }

  void LrnForward(const LrnParams& lrn, size_t pixels, size_t channels, const float* x, float* y) const override {
    LrnForwardRun(lrn, pixels, channels, x, y);
  }
  void LrnBackward(const LrnParams& lrn, size_t pixels, size_t channels, const float* x, const float* dy, bool relu,
                   float* dx) const override {
    LrnBackwardRun(lrn, pixels, channels, x, dy, relu, dx);
  }

  // Row by row, while what lies between is in the first-level cache.
  void MaxLrnForward(const PoolShape& s, const LrnParams& lrn, const float* x, float* pooled, uint8_t* argmax,
                     float* y) const override {
    const size_t row = static_cast<size_t>(s.x.out) * s.channels;
    for (int b = 0; b < s.batch; ++b) {
      for (int oy = 0; oy < s.y.out; ++oy) {
        const size_t at = b * s.OutImage() + oy * row;
        MaxRowOf(s, x + b * s.InImage(), oy, pooled + at, argmax == nullptr ? nullptr : argmax + at * IndexBytes(s));
        LrnForwardRun(lrn, s.x.out, s.channels, pooled + at, y + at);
      }
    }
  }
  void MaxLrnBackward(const PoolShape& s, const LrnParams& lrn, const float* pooled, const uint8_t* argmax,
                      const float* dy, bool relu, float* dx, float* workspace) const override {
    const size_t pixels = static_cast<size_t>(s.y.out) * s.x.out;
    for (int b = 0; b < s.batch; ++b) {
      const size_t at = b * s.OutImage();
      LrnBackwardRun(lrn, pixels, s.channels, pooled + at, dy + at, relu, workspace);
      UnpoolMaxImageOf(s, workspace, Numbers(s, argmax, b), dx + b * s.InImage());
    }
  }

  void LrnMaxForward(const PoolShape& s, const LrnParams& lrn, const float* x, float* y, uint8_t* argmax,
                     float* workspace) const override {
    const size_t pixels = static_cast<size_t>(s.height) * s.width;
    for (int b = 0; b < s.batch; ++b) {
      LrnForwardRun(lrn, pixels, s.channels, x + b * s.InImage(), workspace);
      MaxImage(s, workspace, y + b * s.OutImage(), Numbers(s, argmax, b));
    }
  }
  void LrnMaxBackward(const PoolShape& s, const LrnParams& lrn, const float* x, const uint8_t* argmax, const float* dy,
                      bool relu, float* dx) const override {
    const size_t pixels = static_cast<size_t>(s.height) * s.width;
    for (int b = 0; b < s.batch; ++b) {
      const size_t at = b * s.InImage();
      UnpoolMaxImageOf(s, dy + b * s.OutImage(), Numbers(s, argmax, b), dx + at);
      LrnBackwardRun(lrn, pixels, s.channels, x + at, dx + at, relu, dx + at);
    }
  }

 private:
  // Those of image `b`.
  template <class Byte>
  static Byte* Numbers(const PoolShape& s, Byte* argmax, int b) {
    return argmax == nullptr ? nullptr : argmax + b * s.OutImage() * IndexBytes(s);
  }
};

const PoolingKernels& Pooling() {
  static constexpr SimdPooling kernels;
  return kernels;
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace downpour::nn {
DP_NN_EXPORT_LEVELS(PoolingKernels, Pooling, PoolingOfLevel)
}  // namespace downpour::nn
#endif  // HWY_ONCE
