#include "common/tensor/wire_dtype.h"

#include <gtest/gtest.h>

namespace downpour {
namespace {

TEST(WireDTypeTest, KnowsEveryTypeByItsNumber) {
  for (const DType dtype : kAllDTypes) EXPECT_EQ(FromWireDType(ToWireDType(dtype)), dtype);
  EXPECT_EQ(FromWireDType(DATA_TYPE_UNSPECIFIED), std::nullopt);
  EXPECT_EQ(ToWireDType(static_cast<DType>(200)), DATA_TYPE_UNSPECIFIED);
}

}  // namespace
}  // namespace downpour
