#include "kernels/multiply_add_loop.h"

#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(MultiplyAddLoopTest, DoesAsManyOperationsAsAskedForAndLittleMore) {
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16}) {
    const double done = MultiplyAddLoop(dtype, 1e6);
    EXPECT_GE(done, 1e6);
    EXPECT_LT(done, 1.01e6);
    EXPECT_GT(MultiplyAddLoop(dtype, 0), 0);
  }
}

}  // namespace
}  // namespace downpour
