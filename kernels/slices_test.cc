#include "kernels/slices.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/kernels.h"
#include "kernels/update_case.h"

namespace downpour {
namespace {

using testing::AllUpdateCases;
using testing::kFloatDTypes;
using testing::NormalFloats;
using testing::PackedFloats;
using testing::UpdateCase;
using testing::UpdateFixture;

// A copy of some bytes in separate allocations, cut at the given offsets.
class CutBytes {
 public:
  CutBytes(const std::byte* bytes, size_t size, const std::vector<size_t>& cuts) {
    size_t begin = 0;
    for (const size_t cut : cuts) {
      pieces_.emplace_back(bytes + begin, bytes + cut);
      begin = cut;
    }
    pieces_.emplace_back(bytes + begin, bytes + size);
    spans_.assign(pieces_.begin(), pieces_.end());
  }

  Slices slices() const { return spans_; }

 private:
  std::vector<std::vector<std::byte>> pieces_;
  std::vector<absl::Span<const std::byte>> spans_;
};

std::vector<size_t> RandomCuts(size_t size, size_t count, uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<size_t> cuts;
  for (size_t i = 0; i < count; ++i) cuts.push_back(generator() % (size + 1));
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

// Applies the gradient of a fixture cut into slices, block by block.
void UpdateInBlocks(const Kernels& kernels, const UpdateCase& c, Slices slices, DType dtype, size_t block,
                    UpdateFixture* fixture) {
  SliceCursor cursor(slices, dtype);
  UpdateArrays arrays = fixture->Arrays();
  arrays.gradient = nullptr;
  for (size_t begin = 0; begin < arrays.count; begin += block) {
    const size_t count = std::min(block, arrays.count - begin);
    ASSERT_EQ(UpdateFromSlices(kernels, c.rule, c.scalars, Part(arrays, begin, count), &cursor, &fixture->norms),
              count);
  }
  EXPECT_EQ(cursor.Next(1).count, 0u);
}

void ExpectSameBits(const UpdateFixture& actual, const UpdateFixture& expected) {
  const auto got = actual.Outputs();
  const auto want = expected.Outputs();
  for (size_t k = 0; k < got.size(); ++k) EXPECT_TRUE(*got[k].values == *want[k].values) << got[k].name;
  EXPECT_EQ(actual.norms.weight_squared, expected.norms.weight_squared);
  EXPECT_EQ(actual.norms.update_squared, expected.norms.update_squared);
}

TEST(SlicesTest, ACutAtAnyByteChangesNothing) {
  const UpdateCase c = AllUpdateCases()[4];
  for (const Kernels* kernels : AllSupportedKernels()) {
    for (const DType dtype : kFloatDTypes) {
      constexpr size_t kCount = 37;
      UpdateFixture whole(c, dtype, kCount, true);
      kernels->Update(c.rule, c.scalars, whole.Arrays());
      const PackedFloats& gradient = whole.gradient();
      const double norm = kernels->SquaredNorm(gradient.data(), dtype, kCount);
      for (size_t cut = 0; cut <= gradient.byte_count(); ++cut) {
        for (const size_t second : {cut, std::min(cut + 1, gradient.byte_count()), gradient.byte_count()}) {
          SCOPED_TRACE(::testing::Message()
                       << kernels->Name() << ' ' << DTypeName(dtype) << ' ' << cut << ' ' << second);
          const CutBytes bytes(gradient.data(), gradient.byte_count(), {cut, second});
          UpdateFixture fixture(c, dtype, kCount, true);
          UpdateInBlocks(*kernels, c, bytes.slices(), dtype, 16, &fixture);
          ExpectSameBits(fixture, whole);
          EXPECT_EQ(SquaredNorm(*kernels, bytes.slices(), dtype), norm);
          EXPECT_TRUE(AllFinite(*kernels, bytes.slices(), dtype));
        }
      }
    }
  }
}

TEST(SlicesTest, ManyCutsAndBlocksGiveTheBitsOfContiguousMemoryForEveryRule) {
  for (const UpdateCase& c : AllUpdateCases()) {
    for (const Kernels* kernels : AllSupportedKernels()) {
      for (const DType dtype : kFloatDTypes) {
        constexpr size_t kCount = 2051;
        UpdateFixture whole(c, dtype, kCount, false);
        kernels->Update(c.rule, c.scalars, whole.Arrays(), &whole.norms);
        const size_t bytes_count = whole.gradient().byte_count();
        for (const size_t cuts : {0, 5, 120}) {
          SCOPED_TRACE(::testing::Message() << c.name << ' ' << kernels->Name() << ' ' << cuts);
          const CutBytes bytes(whole.gradient().data(), bytes_count, RandomCuts(bytes_count, cuts, 5));
          UpdateFixture fixture(c, dtype, kCount, false);
          UpdateInBlocks(*kernels, c, bytes.slices(), dtype, 4 * kSumGroup, &fixture);
          ExpectSameBits(fixture, whole);
          EXPECT_TRUE(fixture.NothingElseWasWritten());
          EXPECT_EQ(SquaredNorm(*kernels, bytes.slices(), dtype),
                    kernels->SquaredNorm(whole.gradient().data(), dtype, kCount));
        }
      }
    }
  }
}

TEST(SlicesTest, FindsABadValueWhereverItIsAndHoweverItIsCut) {
  constexpr size_t kCount = 600;
  for (const Kernels* kernels : AllSupportedKernels()) {
    for (const DType dtype : kFloatDTypes) {
      PackedFloats values(NormalFloats(kCount, 1), dtype, 1);
      for (const size_t bad : {size_t{0}, size_t{1}, size_t{255}, size_t{256}, size_t{300}, kCount - 2, kCount - 1}) {
        values.Set(bad, std::numeric_limits<float>::quiet_NaN());
        const size_t at = bad * DTypeSize(dtype);
        for (const size_t cut : {size_t{1}, at, at + 1, values.byte_count() - 1, values.byte_count()}) {
          const CutBytes bytes(values.data(), values.byte_count(), {cut});
          EXPECT_FALSE(AllFinite(*kernels, bytes.slices(), dtype)) << kernels->Name() << ' ' << bad << ' ' << cut;
          EXPECT_FALSE(std::isfinite(SquaredNorm(*kernels, bytes.slices(), dtype)));
        }
        values.Set(bad, 1);
      }
    }
  }
}

TEST(SlicesTest, SlicesThatAreTooShortUpdateNoMoreThanTheyHold) {
  const UpdateCase c = AllUpdateCases().front();
  UpdateFixture fixture(c, DType::kFloat32, 100, true);
  const CutBytes bytes(fixture.gradient().data(), 50 * 4 + 3, {});
  EXPECT_EQ(ByteCount(bytes.slices()), 203u);
  SliceCursor cursor(bytes.slices(), DType::kFloat32);
  EXPECT_EQ(UpdateFromSlices(BestKernels(), c.rule, c.scalars, fixture.Arrays(), &cursor, &fixture.norms), 50u);
  for (size_t i = 50; i < 100; ++i) EXPECT_EQ((*fixture.Outputs()[0].values)[i], fixture.weight_in()[i]);
}

TEST(SlicesTest, AnEmptyRowOfSlicesHasNothing) {
  EXPECT_TRUE(AllFinite(BestKernels(), {}, DType::kFloat32));
  EXPECT_EQ(SquaredNorm(BestKernels(), {}, DType::kFloat32), 0);
  EXPECT_EQ(ByteCount({}), 0u);
}

}  // namespace
}  // namespace downpour
