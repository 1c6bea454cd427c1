#include "kernels/nn/pooling.h"

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

constexpr double kTolerance = 2e-6;

std::string Name(const PoolShape& s) {
  return absl::StrFormat("%d x %dx%dx%d, windows %dx%d, strides %d %d, padding %d %d", s.batch, s.height, s.width,
                         s.channels, s.y.window, s.x.window, s.y.stride, s.x.stride, s.y.pad, s.x.pad);
}

PoolShape Square(int batch, int size, int channels, int window, int stride, bool same) {
  const WindowAxis axis = same ? WindowAxis::Same(size, window, stride) : WindowAxis::Valid(size, window, stride);
  return {batch, size, size, channels, axis, axis};
}

std::vector<PoolShape> Shapes() {
  std::vector<PoolShape> shapes;
  for (const bool same : {true, false}) {
    for (int size = 3; size < 9; ++size) {
      for (int window = 1; window <= 3; ++window) {
        for (int stride = 1; stride <= 4; ++stride) shapes.push_back(Square(2, size, 5, window, stride, same));
      }
    }
    for (const int channels : {1, 3, 4, 7, 8, 15, 16, 17, 31, 32, 48, 64, 65, 100, 130}) {
      shapes.push_back(Square(2, 5, channels, 3, 2, same));
    }
    shapes.push_back(Square(1, 20, 17, 16, 3, same));  // 256 elements: the last with numbers of one byte
    shapes.push_back(Square(1, 20, 17, 17, 3, same));
    shapes.push_back(Square(1, 20, 64, 17, 3, same));
    shapes.push_back({2, 9, 6, 20, WindowAxis::Same(9, 4, 3), WindowAxis::Valid(6, 2, 1)});
  }
  shapes.push_back({2, 7, 7, 16, {3, 2, 1, 4}, {3, 2, 1, 4}});  // as other frameworks pad: before and behind
  return shapes;
}

std::vector<uint8_t> Numbers(const PoolShape& s) { return std::vector<uint8_t>(PoolingKernels::ArgmaxBytes(s), 0xAB); }

// Few values, so that equal elements meet.
std::vector<float> CoarseFloats(size_t count, uint32_t seed) {
  std::vector<float> values = NormalFloats(count, seed);
  for (float& value : values) value = std::floor(2 * value) / 2;
  return values;
}

TEST(WindowAxisTest, CountsLikeTensorFlow) {
  EXPECT_EQ(WindowAxis::Same(24, 3, 2).out, 12);
  EXPECT_EQ(WindowAxis::Same(24, 3, 2).pad, 0);
  EXPECT_EQ(WindowAxis::Same(7, 3, 2).pad, 1);
  EXPECT_EQ(WindowAxis::Same(7, 2, 3).pad, 0);
  EXPECT_EQ(WindowAxis::Valid(24, 3, 2).out, 11);
  EXPECT_EQ(WindowAxis::Valid(3, 3, 2).out, 1);
}

TEST(MaxPoolTest, AgreesWithTheReferenceBitForBit) {
  for (const PoolShape& s : Shapes()) {
    const GuardedFloats x(CoarseFloats(s.batch * s.InImage(), 1));
    const GuardedFloats dy(NormalFloats(s.batch * s.OutImage(), 2));
    GuardedFloats y(s.batch * s.OutImage()), dx(x.size());
    std::vector<uint8_t> numbers = Numbers(s);
    const PoolingKernels& reference = ReferenceNnKernels().pooling;
    reference.MaxForward(s, x.data(), y.data(), numbers.data());
    reference.MaxBackward(s, dy.data(), numbers.data(), dx.data());
    for (const NnKernels* kernels : SimdLevels()) {
      GuardedFloats got_y(y.size()), got_y_alone(y.size()), got_dx(x.size());
      std::vector<uint8_t> got_numbers = Numbers(s);
      kernels->pooling.MaxForward(s, x.data(), got_y.data(), got_numbers.data());
      kernels->pooling.MaxForward(s, x.data(), got_y_alone.data(), nullptr);
      kernels->pooling.MaxBackward(s, dy.data(), numbers.data(), got_dx.data());
      EXPECT_EQ(got_y, y) << kernels->name << ' ' << Name(s);
      EXPECT_EQ(got_y_alone, y) << kernels->name << ' ' << Name(s);
      EXPECT_EQ(got_numbers, numbers) << kernels->name << ' ' << Name(s);
      EXPECT_LT(RelativeError(got_dx, dx), kTolerance) << kernels->name << ' ' << Name(s);
    }
  }
}

TEST(AveragePoolTest, AgreesWithTheReference) {
  for (const PoolShape& s : Shapes()) {
    for (const bool count_padding : {false, true}) {
      const GuardedFloats x(NormalFloats(s.batch * s.InImage(), 1));
      const GuardedFloats dy(NormalFloats(s.batch * s.OutImage(), 2));
      GuardedFloats y(dy.size()), dx(x.size());
      ReferenceNnKernels().pooling.AverageForward(s, count_padding, x.data(), y.data());
      ReferenceNnKernels().pooling.AverageBackward(s, count_padding, dy.data(), dx.data());
      for (const NnKernels* kernels : SimdLevels()) {
        GuardedFloats got_y(y.size()), got_dx(x.size());
        kernels->pooling.AverageForward(s, count_padding, x.data(), got_y.data());
        kernels->pooling.AverageBackward(s, count_padding, dy.data(), got_dx.data());
        EXPECT_LT(RelativeError(got_y, y), kTolerance) << kernels->name << ' ' << Name(s);
        EXPECT_LT(RelativeError(got_dx, dx), kTolerance) << kernels->name << ' ' << Name(s);
      }
    }
  }
}

TEST(GlobalAverageTest, AgreesWithTheReference) {
  for (const size_t channels : {1, 5, 16, 37, 64, 130}) {
    for (const size_t pixels : {1, 3, 4, 49, 64}) {
      const GuardedFloats x(NormalFloats(3 * pixels * channels, 1));
      const GuardedFloats dy(NormalFloats(3 * channels, 2));
      GuardedFloats y(dy.size()), dx(x.size());
      ReferenceNnKernels().pooling.GlobalAverageForward(3, pixels, channels, x.data(), y.data());
      ReferenceNnKernels().pooling.GlobalAverageBackward(3, pixels, channels, dy.data(), dx.data());
      for (const NnKernels* kernels : SimdLevels()) {
        GuardedFloats got_y(y.size()), got_dx(x.size());
        kernels->pooling.GlobalAverageForward(3, pixels, channels, x.data(), got_y.data());
        kernels->pooling.GlobalAverageBackward(3, pixels, channels, dy.data(), got_dx.data());
        EXPECT_LT(RelativeError(got_y, y), kTolerance) << kernels->name << ' ' << channels << ' ' << pixels;
        EXPECT_LT(RelativeError(got_dx, dx), kTolerance) << kernels->name << ' ' << channels << ' ' << pixels;
      }
    }
  }
}

struct LrnCase {
  LrnParams lrn;
  size_t channels;
};

std::vector<LrnCase> LrnCases() {
  std::vector<LrnCase> cases;
  for (const size_t channels : {1, 3, 4, 5, 8, 9, 16, 17, 24, 32, 40, 64, 72, 128, 130, 512, 513, 1100}) {
    for (const int radius : {0, 1, 2, 4, 5, 9}) {
      cases.push_back({{radius, 1.0f, 0.05f, 0.75f}, channels});
      cases.push_back({{radius, 2.0f, 0.1f, 0.5f}, channels});
    }
  }
  cases.push_back({{kLrnRadiusMax, 1.5f, 0.02f, 0.75f}, 1100});
  cases.push_back({{kLrnRadiusMax, 1.5f, 0.02f, 1.25f}, 40});
  cases.push_back({{4, 1.0f, 0.001f / 9, 0.75f}, 64});
  return cases;
}

std::string Name(const LrnCase& c) {
  return absl::StrFormat("%d channels, radius %d, beta %g", c.channels, c.lrn.radius, c.lrn.beta);
}

TEST(LrnTest, AgreesWithTheReference) {
  for (const LrnCase& c : LrnCases()) {
    const size_t pixels = 5;
    const GuardedFloats x(NormalFloats(pixels * c.channels, 1));
    const GuardedFloats dy(NormalFloats(pixels * c.channels, 2));
    GuardedFloats y(x.size());
    ReferenceNnKernels().pooling.LrnForward(c.lrn, pixels, c.channels, x.data(), y.data());
    for (const bool relu : {false, true}) {
      GuardedFloats dx(x.size());
      ReferenceNnKernels().pooling.LrnBackward(c.lrn, pixels, c.channels, x.data(), dy.data(), relu, dx.data());
      for (const NnKernels* kernels : SimdLevels()) {
        GuardedFloats got_y(y.size()), got_dx(x.size());
        kernels->pooling.LrnForward(c.lrn, pixels, c.channels, x.data(), got_y.data());
        kernels->pooling.LrnBackward(c.lrn, pixels, c.channels, x.data(), dy.data(), relu, got_dx.data());
        EXPECT_LT(RelativeError(got_y, y), kTolerance) << kernels->name << ' ' << Name(c);
        EXPECT_LT(RelativeError(got_dx, dx), kTolerance) << kernels->name << ' ' << Name(c) << " relu " << relu;
      }
    }
  }
}

TEST(LrnTest, WorksInPlace) {
  for (const LrnCase& c : LrnCases()) {
    const size_t pixels = 3;
    const GuardedFloats x(NormalFloats(pixels * c.channels, 1));
    const GuardedFloats dy(NormalFloats(pixels * c.channels, 2));
    for (const NnKernels* kernels : SimdLevels()) {
      GuardedFloats y(x.size()), dx(x.size()), y_in_place = x, dx_in_place = dy;
      kernels->pooling.LrnForward(c.lrn, pixels, c.channels, x.data(), y.data());
      kernels->pooling.LrnForward(c.lrn, pixels, c.channels, y_in_place.data(), y_in_place.data());
      kernels->pooling.LrnBackward(c.lrn, pixels, c.channels, x.data(), dy.data(), true, dx.data());
      kernels->pooling.LrnBackward(c.lrn, pixels, c.channels, x.data(), dx_in_place.data(), true, dx_in_place.data());
      EXPECT_EQ(y_in_place, y) << kernels->name << ' ' << Name(c);
      EXPECT_EQ(dx_in_place, dx) << kernels->name << ' ' << Name(c);
    }
  }
}

// The fused passes give the bits of the two that they fuse.
TEST(FusedPoolLrnTest, EqualsThePassesOneAfterTheOther) {
  for (const PoolShape& s : Shapes()) {
    for (const LrnParams& lrn : {LrnParams{4, 1, 0.05f, 0.75f}, LrnParams{2, 2, 0.1f, 0.6f}}) {
      GuardedFloats x(NormalFloats(s.batch * s.InImage(), 1));
      for (size_t i = 0; i < x.size(); ++i) x.data()[i] = std::max(0.0f, x[i]);
      const GuardedFloats dy(NormalFloats(s.batch * s.OutImage(), 2));
      const size_t out_pixels = s.batch * s.OutImage() / s.channels;
      const size_t in_pixels = s.batch * s.InImage() / s.channels;
      for (const NnKernels* kernels : SimdLevels()) {
        const PoolingKernels& k = kernels->pooling;
        std::vector<uint8_t> numbers = Numbers(s), got_numbers = Numbers(s);
        GuardedFloats pooled(dy.size()), y(dy.size()), dpooled(dy.size()), dx(x.size());
        k.MaxForward(s, x.data(), pooled.data(), numbers.data());
        k.LrnForward(lrn, out_pixels, s.channels, pooled.data(), y.data());
        k.LrnBackward(lrn, out_pixels, s.channels, pooled.data(), dy.data(), true, dpooled.data());
        k.MaxBackward(s, dpooled.data(), numbers.data(), dx.data());
        GuardedFloats got_pooled(dy.size()), got_y(dy.size()), got_dx(x.size());
        Workspace max_lrn(PoolingKernels::MaxLrnWorkspaceFloats(s));
        k.MaxLrnForward(s, lrn, x.data(), got_pooled.data(), got_numbers.data(), got_y.data());
        k.MaxLrnBackward(s, lrn, pooled.data(), numbers.data(), dy.data(), true, got_dx.data(), max_lrn.data());
        EXPECT_TRUE(got_pooled == pooled && got_y == y && got_dx == dx && got_numbers == numbers)
            << kernels->name << ' ' << Name(s);
        EXPECT_TRUE(max_lrn.GuardsAreWhole());

        GuardedFloats normalised(x.size()), unpooled(x.size());
        k.LrnForward(lrn, in_pixels, s.channels, x.data(), normalised.data());
        k.MaxForward(s, normalised.data(), y.data(), numbers.data());
        k.MaxBackward(s, dy.data(), numbers.data(), unpooled.data());
        k.LrnBackward(lrn, in_pixels, s.channels, x.data(), unpooled.data(), true, dx.data());
        Workspace lrn_max(PoolingKernels::LrnMaxWorkspaceFloats(s));
        k.LrnMaxForward(s, lrn, x.data(), got_y.data(), got_numbers.data(), lrn_max.data());
        k.LrnMaxBackward(s, lrn, x.data(), numbers.data(), dy.data(), true, got_dx.data());
        EXPECT_TRUE(got_y == y && got_dx == dx && got_numbers == numbers) << kernels->name << ' ' << Name(s);
        EXPECT_TRUE(lrn_max.GuardsAreWhole());
      }
    }
  }
}

TEST(FusedPoolLrnTest, AgreesWithTheReference) {
  const PoolShape s = Square(3, 24, 64, 3, 2, true);
  const LrnParams lrn = {4, 1, 0.001f / 9, 0.75f};
  const GuardedFloats x(NormalFloats(s.batch * s.InImage(), 1));
  const GuardedFloats dy(NormalFloats(s.batch * s.OutImage(), 2));
  const PoolingKernels& reference = ReferenceNnKernels().pooling;
  std::vector<uint8_t> numbers = Numbers(s);
  GuardedFloats pooled(dy.size()), y(dy.size()), dx(x.size());
  reference.MaxLrnForward(s, lrn, x.data(), pooled.data(), numbers.data(), y.data());
  reference.MaxLrnBackward(s, lrn, pooled.data(), numbers.data(), dy.data(), true, dx.data(), nullptr);
  for (const NnKernels* kernels : SimdLevels()) {
    GuardedFloats got_pooled(dy.size()), got_y(dy.size()), got_dx(x.size());
    Workspace workspace(PoolingKernels::MaxLrnWorkspaceFloats(s));
    std::vector<uint8_t> got_numbers = Numbers(s);
    kernels->pooling.MaxLrnForward(s, lrn, x.data(), got_pooled.data(), got_numbers.data(), got_y.data());
    kernels->pooling.MaxLrnBackward(s, lrn, pooled.data(), numbers.data(), dy.data(), true, got_dx.data(),
                                    workspace.data());
    EXPECT_EQ(got_numbers, numbers);
    EXPECT_LT(RelativeError(got_y, y), kTolerance) << kernels->name;
    EXPECT_LT(RelativeError(got_dx, dx), kTolerance) << kernels->name;
  }
}

}  // namespace
}  // namespace downpour::nn
