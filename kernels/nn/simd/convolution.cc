// This file is compiled once per instruction set: foreach_target.h includes it again for each but the last.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/nn/simd/convolution.cc"

#include "kernels/nn/convolution.h"

#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/highway.h"
#include "kernels/nn/simd/export_levels.h"
#include "kernels/nn/simd/winograd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

class SimdConvolution final : public ConvolutionKernels {
 public:
  size_t PreparedFloats(const ConvShape& s) const override {
    const size_t points = static_cast<size_t>(s.kernel + 3) * (s.kernel + 3);
    const size_t in = s.in_channels;
    const size_t out = s.out_channels;
    return points * std::max(in * RoundUp(out, kChannelBlock), out * RoundUp(in, kChannelBlock));
  }
  void PrepareForward(const ConvShape& s, const float* weights, float* prepared) const override {
    s.kernel == 3 ? WinogradRun<3>::PrepareForward(s, weights, prepared)
                  : WinogradRun<5>::PrepareForward(s, weights, prepared);
  }
  void PrepareBackward(const ConvShape& s, const float* weights, float* prepared) const override {
    s.kernel == 3 ? WinogradRun<3>::PrepareBackward(s, weights, prepared)
                  : WinogradRun<5>::PrepareBackward(s, weights, prepared);
  }
  size_t ForwardWorkspaceFloats(const ConvShape& s) const override {
    return s.kernel == 3 ? WinogradRun<3>::ForwardFloats(s) : WinogradRun<5>::ForwardFloats(s);
  }
  void Forward(const ConvShape& s, const ForwardArgs& args) const override { RunForward(s, args, nullptr); }
  void Forward(const ConvShape& s, const ForwardArgs& args, Consumer consumer) const override {
    RunForward(s, args, &consumer);
  }
  size_t BackwardWorkspaceFloats(const ConvShape& s) const override {
    return s.kernel == 3 ? WinogradRun<3>::BackwardFloats(s) : WinogradRun<5>::BackwardFloats(s);
  }
  void Backward(const ConvShape& s, const BackwardArgs& args) const override { RunBackward(s, args, nullptr); }
  void Backward(const ConvShape& s, const BackwardArgs& args, Producer producer) const override {
    RunBackward(s, args, &producer);
  }

 private:
  static void RunForward(const ConvShape& s, const ForwardArgs& args, const Consumer* consumer) {
    s.kernel == 3 ? WinogradRun<3>::Forward(s, args, consumer) : WinogradRun<5>::Forward(s, args, consumer);
  }
  static void RunBackward(const ConvShape& s, const BackwardArgs& args, const Producer* producer) {
    s.kernel == 3 ? WinogradRun<3>::Backward(s, args, producer) : WinogradRun<5>::Backward(s, args, producer);
  }
};

const ConvolutionKernels& Convolution() {
  static constexpr SimdConvolution kernels;
  return kernels;
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace downpour::nn {
DP_NN_EXPORT_LEVELS(ConvolutionKernels, Convolution, ConvolutionOfLevel)
}  // namespace downpour::nn
#endif  // HWY_ONCE
