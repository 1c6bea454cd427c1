#include "common/tensor/view.h"

#include <array>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ViewTest : public testing::Test {
 protected:
  ViewTest() : values_(6) { std::iota(values_.begin(), values_.end(), 0.0f); }

  std::span<float> values() { return values_; }

  std::vector<float> values_;
};

TEST_F(ViewTest, KnowsItsTypeShapeAndElements) {
  const TensorView view = *TensorView::Of(values(), {2, 3});
  EXPECT_EQ(view.dtype(), DType::kFloat32);
  EXPECT_EQ(view.shape(), Shape(2, 3));
  EXPECT_EQ(view.num_elements(), 6);
  EXPECT_EQ(view.bytes().size(), 24u);
  EXPECT_EQ(view.As<float>()->data(), values_.data());
}

TEST_F(ViewTest, WritesReachTheMemoryAndReadersSeeThem) {
  const TensorView view = TensorView::Of(values());
  const ConstTensorView reader = view;
  (*view.As<float>())[4] = 44;
  EXPECT_EQ(values_[4], 44);
  EXPECT_THAT(*reader.As<float>(), ElementsAre(0, 1, 2, 3, 44, 5));
  static_assert(std::is_same_v<decltype(reader.As<float>()), absl::StatusOr<std::span<const float>>>);
  static_assert(!std::is_convertible_v<ConstTensorView, TensorView>);
}

TEST_F(ViewTest, IsMadeFromConstElementsForReading) {
  const std::array<int64_t, 2> labels = {3, 4};
  const ConstTensorView view = ConstTensorView::Of(std::span(labels));
  EXPECT_EQ(view.dtype(), DType::kInt64);
  EXPECT_THAT(*view.As<int64_t>(), ElementsAre(3, 4));
}

TEST_F(ViewTest, RefusesToBeReadAsAnotherType) {
  const absl::Status status = TensorView::Of(values()).As<int32_t>().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("float32 [6] cannot be read as int32"));
}

TEST_F(ViewTest, RefusesMemoryOfAnotherSize) {
  const std::span<std::byte> bytes = std::as_writable_bytes(values());
  for (const size_t size : {size_t{0}, size_t{20}, size_t{23}}) {
    const absl::Status status = TensorView::Create(bytes.first(size), DType::kFloat32, {2, 3}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("float32 [2, 3] takes 24 bytes"));
  }
  EXPECT_FALSE(TensorView::Of(values(), {2, 2}).ok());
  EXPECT_FALSE(TensorView::Create(bytes, DType::kFloat32, {std::numeric_limits<int64_t>::max(), 2}).ok());
  EXPECT_FALSE(TensorView::Create(bytes, DType::kFloat32, {-2, -3}).ok());
}

TEST_F(ViewTest, RefusesMisalignedMemoryAndUnknownTypes) {
  const std::span<std::byte> bytes = std::as_writable_bytes(values());
  const absl::Status status = TensorView::Create(bytes.subspan(1, 20), DType::kFloat32, Shape(5)).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("not aligned to 4 bytes"));
  EXPECT_TRUE(TensorView::Create(bytes.subspan(1, 20), DType::kUInt8, Shape(20)).ok());
  EXPECT_FALSE(TensorView::Create(bytes.first(0), static_cast<DType>(99), Shape(0)).ok());
}

TEST_F(ViewTest, RowsAreTheMiddleOfTheMemory) {
  const TensorView view = *TensorView::Of(values(), {3, 2});
  const TensorView rows = *view.Rows(1, 3);
  EXPECT_EQ(rows.shape(), Shape(2, 2));
  EXPECT_THAT(*rows.As<float>(), ElementsAre(2, 3, 4, 5));
  EXPECT_EQ(view.Rows(0, 3)->num_elements(), 6);
  EXPECT_EQ(view.Rows(2, 2)->shape(), Shape(0, 2));
  EXPECT_EQ(view.Rows(3, 3)->num_elements(), 0);
}

TEST_F(ViewTest, RefusesRowsThatAreNotThere) {
  const TensorView view = *TensorView::Of(values(), {3, 2});
  for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{-1, 2}, {2, 1}, {0, 4}, {4, 4}}) {
    const absl::Status status = view.Rows(begin, end).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange) << begin << " " << end;
    EXPECT_THAT(std::string(status.message()), HasSubstr("shape [3, 2]"));
  }
  EXPECT_FALSE(TensorView::Of(values().first(1), Shape())->Rows(0, 0).ok());
}

TEST_F(ViewTest, EmptyTensorsHaveRowsToo) {
  EXPECT_EQ(TensorView::Of(values().first(0), {3, 0})->Rows(1, 2)->shape(), Shape(1, 0));
  EXPECT_EQ(TensorView::Of(values().first(0), {0, 3})->Rows(0, 0)->shape(), Shape(0, 3));
  EXPECT_EQ(TensorView().num_elements(), 0);
  EXPECT_TRUE(TensorView().As<float>()->empty());
}

}  // namespace
}  // namespace downpour
