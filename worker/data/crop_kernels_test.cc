#include "worker/data/crop_kernels.h"

#include <gtest/gtest.h>

#include <vector>

#include "common/base/philox.h"
#include "hwy/targets.h"

namespace downpour {
namespace {

std::vector<uint8_t> RandomBytes(size_t count) {
  PhiloxStream random(count);
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Next32());
  return bytes;
}

// Calls `check` with each instruction set of this machine chosen in turn.
template <typename Check>
void ForEachInstructionSet(const Check& check) {
  for (int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    const int64_t target = left & -left;
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(target);
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(CropKernelsTest, SumsExactlyWithEveryInstructionSet) {
  ForEachInstructionSet([] {
    for (size_t count = 0; count < 200; ++count) {
      const std::vector<uint8_t> bytes = RandomBytes(count);
      uint64_t sum = 0, squares = 0;
      for (const uint8_t byte : bytes) sum += byte, squares += uint64_t{byte} * byte;
      const ByteMoments moments = SumBytes(bytes.data(), count);
      ASSERT_EQ(moments.sum, sum) << count;
      ASSERT_EQ(moments.sum_of_squares, squares) << count;
    }
    const std::vector<uint8_t> most(1'000'003, 255);
    EXPECT_EQ(SumBytes(most.data(), most.size()).sum, 255u * most.size());
    EXPECT_EQ(SumBytes(most.data(), most.size()).sum_of_squares, uint64_t{65025} * most.size());
  });
}

TEST(CropKernelsTest, ScalesToTheSameBitsWithEveryInstructionSet) {
  ForEachInstructionSet([] {
    const float shift[5] = {-1.7f, 0.3f, 2.9f, 0, -0.01f};
    for (const int channels : {1, 2, 3, 5}) {
      for (size_t pixels = 0; pixels < 70; ++pixels) {
        const size_t count = pixels * static_cast<size_t>(channels);
        const std::vector<uint8_t> planes = RandomBytes(count);
        std::vector<float> out(count + 1, 77);
        ScaleToFloats(planes.data(), pixels, channels, 0.013f, shift, out.data());
        for (size_t i = 0; i < count; ++i) {
          const size_t channel = i % static_cast<size_t>(channels), pixel = i / static_cast<size_t>(channels);
          const float product = static_cast<float>(planes[channel * pixels + pixel]) * 0.013f;
          ASSERT_EQ(out[i], product + shift[channel]) << channels << " " << pixels << " " << i;
        }
        ASSERT_EQ(out[count], 77) << "beyond the end";
      }
    }
  });
}

}  // namespace
}  // namespace downpour
