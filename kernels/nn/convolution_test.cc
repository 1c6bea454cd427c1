#include "kernels/nn/convolution.h"

#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "kernels/nn/test_tensors.h"

namespace downpour::nn {
namespace {

using testing::GuardedFloats;
using testing::NormalFloats;
using testing::RelativeError;
using testing::SimdLevels;
using testing::Workspace;

// Winograd's error: some 1e-6 of the largest output, and up to 1.4e-5 with 8 x 8 tiles where chance makes all outputs
// small beside what they are summed from.
double Tolerance(const ConvShape& s) { return s.kernel == 5 ? 2e-5 : 1e-5; }

ConvShape Shape(int batch, int height, int width, int in, int out, int kernel, int pad) {
  return {batch, height, width, in, out, kernel, pad, pad, pad, pad};
}

std::string Name(const ConvShape& s) {
  return absl::StrFormat("%d x %dx%dx%d to %d, kernel %d, padding %d %d %d %d", s.batch, s.height, s.width,
                         s.in_channels, s.out_channels, s.kernel, s.pad_top, s.pad_bottom, s.pad_left, s.pad_right);
}

std::vector<ConvShape> Shapes() {
  std::vector<ConvShape> shapes;
  for (const int kernel : {3, 5}) {
    // Every remainder of tiles and every padding, also unequal ones, on few channels.
    for (int size = kernel; size < kernel + 9; ++size) shapes.push_back(Shape(2, size, size + 3, 5, 6, kernel, 0));
    for (int size = 1; size < 10; ++size) shapes.push_back(Shape(2, size + 2, size, 3, 4, kernel, kernel / 2));
    for (int pad = 0; pad < kernel; ++pad) {
      shapes.push_back({2, 7, 9, 2, 3, kernel, pad, kernel - 1 - pad, kernel - 1, pad});
      shapes.push_back(Shape(1, 13, 6, 4, 9, kernel, pad));
    }
    // Channel counts around each level's vectors and blocks.
    for (const int channels : {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 24, 31, 33, 48, 63, 65, 80, 130}) {
      shapes.push_back(Shape(1, 6, 5, channels, 16, kernel, 1));
      shapes.push_back(Shape(2, 5, 9, 3, channels, kernel, kernel / 2));
      shapes.push_back(Shape(1, 5, 6, 20, channels, kernel, 1));
    }
    // More images than a group, and more tiles in an image than a chunk.
    shapes.push_back(Shape(11, 12, 12, 64, 64, kernel, kernel / 2));
    shapes.push_back(Shape(37, 4, 4, 16, 16, kernel, kernel / 2));
    shapes.push_back(Shape(1, 70, 66, 16, 8, kernel, kernel / 2));
    shapes.push_back(Shape(2, 40, 66, 3, 20, kernel, kernel / 2));
  }
  return shapes;
}

struct Tensors {
  explicit Tensors(const ConvShape& s)
      : x(NormalFloats(s.batch * s.InImage(), 1)),
        weights(NormalFloats(s.Weights(), 2)),
        bias(NormalFloats(s.out_channels, 3)),
        dy(NormalFloats(s.batch * s.OutImage(), 4)),
        y(s.batch * s.OutImage()),
        dx(x.size()),
        dweights(weights.size()),
        dbias(bias.size()) {}

  GuardedFloats x, weights, bias, dy;
  GuardedFloats y, dx, dweights, dbias;
};

void RunForward(const ConvolutionKernels& kernels, const ConvShape& s, bool bias, bool relu, Tensors* t) {
  Workspace prepared(kernels.PreparedFloats(s));
  Workspace workspace(kernels.ForwardWorkspaceFloats(s));
  kernels.PrepareForward(s, t->weights.data(), prepared.data());
  kernels.Forward(s,
                  {t->x.data(), prepared.data(), bias ? t->bias.data() : nullptr, relu, t->y.data(), workspace.data()});
  ASSERT_TRUE(prepared.GuardsAreWhole());
  ASSERT_TRUE(workspace.GuardsAreWhole());
}

struct Wanted {
  bool dx = true;
  bool dweights = true;
};

void RunBackward(const ConvolutionKernels& kernels, const ConvShape& s, Wanted wanted, Tensors* t) {
  Workspace prepared(kernels.PreparedFloats(s));
  Workspace workspace(kernels.BackwardWorkspaceFloats(s));
  if (wanted.dx) kernels.PrepareBackward(s, t->weights.data(), prepared.data());
  kernels.Backward(s, {wanted.dweights ? t->x.data() : nullptr, t->dy.data(), wanted.dx ? prepared.data() : nullptr,
                       wanted.dx ? t->dx.data() : nullptr, wanted.dweights ? t->dweights.data() : nullptr,
                       wanted.dweights ? t->dbias.data() : nullptr, workspace.data()});
  ASSERT_TRUE(prepared.GuardsAreWhole());
  ASSERT_TRUE(workspace.GuardsAreWhole());
}

TEST(ConvolutionTest, ForwardAgreesWithTheReference) {
  for (const ConvShape& s : Shapes()) {
    ASSERT_TRUE(IsSupported(s)) << Name(s);
    for (const int option : {0, 1, 2}) {
      if (option < 2 && s.batch * s.OutImage() * s.Weights() > 20'000'000) continue;
      const bool bias = option >= 1;
      const bool relu = option == 2;
      Tensors want(s);
      RunForward(ReferenceNnKernels().convolution, s, bias, relu, &want);
      for (const NnKernels* kernels : SimdLevels()) {
        Tensors got(s);
        RunForward(kernels->convolution, s, bias, relu, &got);
        EXPECT_LT(RelativeError(got.y, want.y), Tolerance(s))
            << kernels->name << ' ' << Name(s) << " bias " << bias << " relu " << relu;
      }
    }
  }
}

TEST(ConvolutionTest, BackwardAgreesWithTheReference) {
  for (const ConvShape& s : Shapes()) {
    Tensors want(s);
    RunBackward(ReferenceNnKernels().convolution, s, {}, &want);
    for (const NnKernels* kernels : SimdLevels()) {
      Tensors got(s);
      RunBackward(kernels->convolution, s, {}, &got);
      EXPECT_LT(RelativeError(got.dx, want.dx), Tolerance(s)) << kernels->name << ' ' << Name(s);
      EXPECT_LT(RelativeError(got.dweights, want.dweights), Tolerance(s)) << kernels->name << ' ' << Name(s);
      EXPECT_LT(RelativeError(got.dbias, want.dbias), Tolerance(s)) << kernels->name << ' ' << Name(s);
    }
  }
}

TEST(ConvolutionTest, GivesEachGradientAloneWithTheSameBits) {
  for (const ConvShape& s :
       {Shape(5, 12, 12, 3, 64, 5, 2), Shape(9, 12, 12, 32, 20, 5, 2), Shape(9, 8, 9, 16, 16, 3, 0)}) {
    for (const NnKernels* kernels : SimdLevels()) {
      Tensors both(s);
      RunBackward(kernels->convolution, s, {}, &both);
      Tensors alone(s);
      RunBackward(kernels->convolution, s, {.dx = false}, &alone);
      EXPECT_TRUE(alone.dx.IsUntouched());
      RunBackward(kernels->convolution, s, {.dweights = false}, &alone);
      EXPECT_EQ(alone.dx, both.dx) << kernels->name << ' ' << Name(s);
      EXPECT_EQ(alone.dweights, both.dweights) << kernels->name << ' ' << Name(s);
      EXPECT_EQ(alone.dbias, both.dbias) << kernels->name << ' ' << Name(s);
    }
  }
}

TEST(ConvolutionTest, HandsEachImageToTheConsumerOnceAndInOrder) {
  for (const ConvShape& s :
       {Shape(23, 12, 12, 64, 64, 5, 2), Shape(9, 24, 24, 3, 64, 5, 2), Shape(3, 70, 40, 16, 16, 3, 1)}) {
    for (const NnKernels* kernels : SimdLevels()) {
      for (const bool to_memory : {false, true}) {
        Tensors want(s);
        RunForward(kernels->convolution, s, true, true, &want);
        Tensors got(s);
        GuardedFloats seen(want.y.size());
        Workspace prepared(kernels->convolution.PreparedFloats(s));
        Workspace workspace(kernels->convolution.ForwardWorkspaceFloats(s));
        kernels->convolution.PrepareForward(s, got.weights.data(), prepared.data());
        size_t next = 0;
        kernels->convolution.Forward(s,
                                     {got.x.data(), prepared.data(), got.bias.data(), true,
                                      to_memory ? got.y.data() : nullptr, workspace.data()},
                                     [&](size_t first, size_t count, const float* y) {
                                       ASSERT_EQ(first, next);
                                       next += count;
                                       std::copy_n(y, count * s.OutImage(), seen.data() + first * s.OutImage());
                                     });
        EXPECT_EQ(next, static_cast<size_t>(s.batch));
        EXPECT_EQ(seen, want.y) << kernels->name << ' ' << Name(s);
        EXPECT_TRUE(workspace.GuardsAreWhole());
        EXPECT_TRUE(to_memory ? got.y == want.y : got.y.IsUntouched());
      }
    }
  }
}

TEST(ConvolutionTest, TakesTheOutputsGradientFromAProducer) {
  for (const ConvShape& s :
       {Shape(23, 12, 12, 64, 64, 5, 2), Shape(9, 24, 24, 3, 64, 5, 2), Shape(3, 70, 40, 16, 16, 3, 1)}) {
    for (const NnKernels* kernels : SimdLevels()) {
      Tensors want(s);
      RunBackward(kernels->convolution, s, {}, &want);
      Tensors got(s);
      Workspace prepared(kernels->convolution.PreparedFloats(s));
      Workspace workspace(kernels->convolution.BackwardWorkspaceFloats(s));
      kernels->convolution.PrepareBackward(s, got.weights.data(), prepared.data());
      size_t next = 0;
      kernels->convolution.Backward(s,
                                    {got.x.data(), nullptr, prepared.data(), got.dx.data(), got.dweights.data(),
                                     got.dbias.data(), workspace.data()},
                                    [&](size_t first, size_t count, float* dy) {
                                      ASSERT_EQ(first, next);
                                      next += count;
                                      std::copy_n(got.dy.data() + first * s.OutImage(), count * s.OutImage(), dy);
                                    });
      EXPECT_EQ(next, static_cast<size_t>(s.batch));
      EXPECT_EQ(got.dx, want.dx) << kernels->name << ' ' << Name(s);
      EXPECT_EQ(got.dweights, want.dweights) << kernels->name << ' ' << Name(s);
      EXPECT_EQ(got.dbias, want.dbias) << kernels->name << ' ' << Name(s);
      EXPECT_TRUE(workspace.GuardsAreWhole());
    }
  }
}

TEST(ConvolutionTest, PreparedWeightsServeAnyBatchAndSize) {
  const ConvShape small = Shape(1, 7, 7, 12, 20, 5, 2);
  const ConvShape large = Shape(6, 20, 11, 12, 20, 5, 0);
  for (const NnKernels* kernels : SimdLevels()) {
    ASSERT_EQ(kernels->convolution.PreparedFloats(small), kernels->convolution.PreparedFloats(large));
    Tensors want(large);
    RunForward(kernels->convolution, large, false, false, &want);
    Tensors got(large);
    Workspace prepared(kernels->convolution.PreparedFloats(small));
    Workspace workspace(kernels->convolution.ForwardWorkspaceFloats(large));
    kernels->convolution.PrepareForward(small, got.weights.data(), prepared.data());
    kernels->convolution.Forward(large,
                                 {got.x.data(), prepared.data(), nullptr, false, got.y.data(), workspace.data()});
    EXPECT_EQ(got.y, want.y) << kernels->name;
  }
}

TEST(ConvolutionTest, SaysWhichShapesItCannotCompute) {
  EXPECT_TRUE(IsSupported(Shape(1, 5, 5, 1, 1, 5, 0)));
  EXPECT_FALSE(IsSupported(Shape(1, 4, 5, 1, 1, 5, 0)));
  EXPECT_FALSE(IsSupported(Shape(1, 5, 5, 1, 1, 5, 5)));
  EXPECT_FALSE(IsSupported(Shape(1, 5, 5, 1, 1, 4, 0)));
  EXPECT_FALSE(IsSupported(Shape(1, 5, 5, 1, 1, 1, 0)));
  EXPECT_FALSE(IsSupported(Shape(0, 5, 5, 1, 1, 5, 0)));
}

}  // namespace
}  // namespace downpour::nn
