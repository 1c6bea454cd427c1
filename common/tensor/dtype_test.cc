#include "common/tensor/dtype.h"

#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(DTypeTest, NamesAreDistinctAndParseBack) {
  std::set<std::string_view> names;
  for (const DType dtype : kAllDTypes) {
    names.insert(DTypeName(dtype));
    const absl::StatusOr<DType> parsed = ParseDType(DTypeName(dtype));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, dtype);
  }
  EXPECT_EQ(names.size(), kAllDTypes.size());
}

TEST(DTypeTest, UnknownNamesAreRefusedWithTheKnownOnes) {
  for (const char* name : {"", "float", "FLOAT32", "float32 ", "invalid"}) {
    const absl::Status status = ParseDType(name).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("float32, bfloat16, float16"));
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(std::string("\"") + name + "\""));
  }
}

TEST(DTypeTest, SizesAreThoseOfTheCppTypes) {
  EXPECT_EQ(DTypeSize(kDTypeOf<float>), sizeof(float));
  EXPECT_EQ(DTypeSize(kDTypeOf<BFloat16>), sizeof(BFloat16));
  EXPECT_EQ(DTypeSize(kDTypeOf<Float16>), sizeof(Float16));
  EXPECT_EQ(DTypeSize(kDTypeOf<double>), sizeof(double));
  EXPECT_EQ(DTypeSize(kDTypeOf<int32_t>), sizeof(int32_t));
  EXPECT_EQ(DTypeSize(kDTypeOf<int64_t>), sizeof(int64_t));
  EXPECT_EQ(DTypeSize(kDTypeOf<uint8_t>), sizeof(uint8_t));
}

TEST(DTypeTest, AValueOutsideTheEnumerationHasNoSizeAndSaysSo) {
  EXPECT_EQ(DTypeSize(static_cast<DType>(200)), 0u);
  EXPECT_EQ(DTypeName(static_cast<DType>(200)), "invalid");
}

}  // namespace
}  // namespace downpour
