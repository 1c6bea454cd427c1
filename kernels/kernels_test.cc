#include "kernels/kernels.h"

#include <cstdlib>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(KernelsTest, EveryLevelHasItsOwnNameAndTheReferenceIsLast) {
  std::set<std::string> names;
  for (const Kernels* kernels : AllSupportedKernels()) EXPECT_TRUE(names.insert(kernels->Name()).second);
  EXPECT_EQ(AllSupportedKernels().back(), &ReferenceKernels());
  EXPECT_EQ(std::string(ReferenceKernels().Name()), "scalar");
}

TEST(KernelsTest, TheProcessorDecidesWhichLevelsThereAre) {
  std::set<std::string> names;
  for (const Kernels* kernels : AllSupportedKernels()) names.insert(kernels->Name());
  EXPECT_EQ(names.count("avx512") == 1, __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512f"));
  EXPECT_EQ(names.count("avx2") == 1, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
  // Highway's level of that name counts on AES and carry-less multiplication too (Westmere, 2010).
  EXPECT_EQ(names.count("sse4") == 1,
            __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul"));
}

// The choice is made once in a process, so each is made in a child.
void ExpectChosen(const char* asked, const char* name) {
  EXPECT_EXIT(
      {
        setenv("DOWNPOUR_SIMD", asked, 1);
        std::exit(std::string(BestKernels().Name()) == name ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "")
      << asked;
}

TEST(KernelsTest, TheEnvironmentChoosesAnyLevelThatTheProcessorHas) {
  for (const Kernels* kernels : AllSupportedKernels()) ExpectChosen(kernels->Name(), kernels->Name());
  ExpectChosen("", AllSupportedKernels().front()->Name());
}

TEST(KernelsTest, AnUnknownLevelIsNamedAndTheFastestTaken) {
  EXPECT_EXIT(
      {
        setenv("DOWNPOUR_SIMD", "mmx", 1);
        std::exit(&BestKernels() == AllSupportedKernels().front() ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "DOWNPOUR_SIMD=mmx: not on this processor \\(there is .*scalar\\)");
}

}  // namespace
}  // namespace downpour
