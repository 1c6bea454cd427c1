#include "common/tensor/shape.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using testing::HasSubstr;

constexpr int64_t kHuge = int64_t{1} << 40;

std::string ErrorOf(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(ShapeTest, CountsElementsAndBytes) {
  const Shape shape = {2, 3, 5};
  EXPECT_EQ(*shape.NumElements(), 30);
  EXPECT_EQ(*shape.NumBytes(DType::kFloat32), 120);
  EXPECT_EQ(*shape.NumBytes(DType::kBFloat16), 60);
  EXPECT_EQ(*shape.NumBytes(DType::kUInt8), 30);
}

TEST(ShapeTest, AScalarHasOneElementAndAZeroDimensionMeansNone) {
  EXPECT_EQ(*Shape().NumElements(), 1);
  EXPECT_EQ(*Shape(0).NumElements(), 0);
  EXPECT_EQ(*Shape(4, 0, 3).NumBytes(DType::kFloat64), 0);
}

TEST(ShapeTest, KnowsItsDimensions) {
  const Shape shape = {7, 8};
  EXPECT_EQ(shape.rank(), 2u);
  EXPECT_EQ(shape.dim(1), 8);
  EXPECT_THAT(shape.dims(), testing::ElementsAre(7, 8));
  EXPECT_EQ(shape.WithDim(0, 3), Shape(3, 8));
  static_assert(Shape(1, 2, 3, 4, 5, 6, 7, 8).rank() == Shape::kRankMax);
  static_assert(!std::is_constructible_v<Shape, int, int, int, int, int, int, int, int, int>);
}

TEST(ShapeTest, EqualityLooksAtRankAndDimensions) {
  EXPECT_EQ(Shape(2, 3), Shape(2, 3));
  EXPECT_NE(Shape(2, 3), Shape(3, 2));
  EXPECT_NE(Shape(2), Shape(2, 0));
  EXPECT_NE(Shape(), Shape(0));
}

TEST(ShapeTest, PrintsLikeAList) {
  EXPECT_EQ(Shape().ToString(), "[]");
  EXPECT_EQ(Shape(5).ToString(), "[5]");
  EXPECT_EQ(Shape(2, 3).ToString(), "[2, 3]");
  EXPECT_EQ(testing::PrintToString(Shape(2, 3)), "[2, 3]");
}

TEST(ShapeTest, RefusesNegativeDimensionsByName) {
  EXPECT_THAT(ErrorOf(Shape(2, -3).NumElements().status()), HasSubstr("[2, -3] has a negative dimension"));
  EXPECT_THAT(ErrorOf(Shape(0, -1).NumBytes(DType::kFloat32).status()), HasSubstr("[0, -1]"));
  EXPECT_THAT(ErrorOf(Shape(-2, -2).RowMajorStrides().status()), HasSubstr("[-2, -2]"));
}

TEST(ShapeTest, RefusesOverflowByName) {
  EXPECT_THAT(ErrorOf(Shape(kHuge, kHuge).NumElements().status()),
              HasSubstr("[1099511627776, 1099511627776] has more elements"));
  EXPECT_THAT(ErrorOf(Shape(kHuge, 0, kHuge).NumElements().status()), HasSubstr("more elements"));
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(*Shape(kMax).NumElements(), kMax);
  EXPECT_EQ(*Shape(kMax).NumBytes(DType::kUInt8), kMax);
  EXPECT_THAT(ErrorOf(Shape(kMax / 2 + 1).NumBytes(DType::kBFloat16).status()), HasSubstr("of bfloat16 takes more"));
}

TEST(ShapeTest, RowMajorStridesCountElements) {
  EXPECT_EQ(*Shape(2, 3, 5).RowMajorStrides(), (Shape::Strides{15, 5, 1}));
  EXPECT_EQ(*Shape(4, 0, 3).RowMajorStrides(), (Shape::Strides{3, 3, 1}));
  EXPECT_EQ(*Shape().RowMajorStrides(), Shape::Strides{});
}

TEST(ShapeTest, FromDimsTakesWhatMakesSenseAndRefusesTheRest) {
  EXPECT_EQ(*Shape::FromDims({}), Shape());
  EXPECT_EQ(*Shape::FromDims(std::vector<int64_t>{3, 4}), Shape(3, 4));
  EXPECT_EQ(Shape::FromDims(std::vector<int64_t>(8, 2))->rank(), 8u);
  EXPECT_THAT(ErrorOf(Shape::FromDims(std::vector<int64_t>(9, 2)).status()), HasSubstr("9 dimensions"));
  EXPECT_THAT(ErrorOf(Shape::FromDims(std::vector<int64_t>{3, -4}).status()), HasSubstr("[3, -4]"));
  EXPECT_THAT(ErrorOf(Shape::FromDims(std::vector<int64_t>{kHuge, kHuge}).status()), HasSubstr("more elements"));
}

}  // namespace
}  // namespace downpour
