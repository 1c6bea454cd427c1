#include "kernels/multiply_add_loop.h"

#include <string_view>

#include "gtest/gtest.h"
#include "kernels/kernels.h"

namespace downpour {
namespace {

TEST(MultiplyAddLoopTest, DoesAsManyOperationsAsAskedForAndLittleMore) {
  for (const Kernels* kernels : AllSupportedKernels()) {
    for (const DType dtype : {DType::kFloat32, DType::kBFloat16}) {
      const double done = MultiplyAddLoop(kernels->Name(), dtype, 1e6);
      EXPECT_GE(done, 1e6);
      EXPECT_LT(done, 1.01e6);
      EXPECT_GT(MultiplyAddLoop(kernels->Name(), dtype, 0), 0);
    }
  }
}

TEST(MultiplyAddLoopTest, DoesAsMuchAtOnceAsTheVectorsOfTheLevelAreWide) {
  const double narrow = MultiplyAddLoop("scalar", DType::kFloat32, 0);
  for (const Kernels* kernels : AllSupportedKernels()) {
    const std::string_view level = kernels->Name();
    const double wider = level == "avx512" ? 4 : level == "avx2" ? 2 : 1;
    EXPECT_EQ(MultiplyAddLoop(level, DType::kFloat32, 0), wider * narrow) << level;
    EXPECT_EQ(MultiplyAddLoop(level, DType::kBFloat16, 0), (MultipliesBFloat16(level) ? 8 : wider) * narrow) << level;
  }
}

}  // namespace
}  // namespace downpour
