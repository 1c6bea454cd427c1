// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_NN_SIMD_DROPOUT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_NN_SIMD_DROPOUT_INL_H_
#undef DOWNPOUR_KERNELS_NN_SIMD_DROPOUT_INL_H_
#else
#define DOWNPOUR_KERNELS_NN_SIMD_DROPOUT_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/base/philox.h"
#include "hwy/highway.h"
#include "kernels/nn/elementwise.h"
#include "kernels/nn/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

// Philox4x32-10 with a block in each 64-bit lane, as common/base/philox_rounds.h does with two. What is in the high
// halves between rounds does not matter.
class PhiloxBlocks {
  using Wide = hn::ScalableTag<uint64_t>;
  using Narrow = hn::Repartition<uint32_t, Wide>;

 public:
  static constexpr size_t kBlocks = HWY_LANES(uint64_t);
  static constexpr size_t kWords = 4 * kBlocks;

  // The words of blocks position ... position + kBlocks - 1, in order.
  static HWY_INLINE void Fill(uint64_t position, const ElementwiseKernels::DropoutKey& key, uint32_t* words) {
    const Wide d;
    const auto counter = hn::Iota(d, position);
    const auto stream = hn::Set(d, key.stream);
    auto word0 = counter;
    auto word1 = hn::ShiftRight<32>(counter);
    auto word2 = stream;
    auto word3 = hn::ShiftRight<32>(stream);
    const auto multiplier0 = hn::Set(d, uint64_t{philox_internal::kMultiplier0});
    const auto multiplier1 = hn::Set(d, uint64_t{philox_internal::kMultiplier1});
    uint32_t key0 = static_cast<uint32_t>(key.seed);
    uint32_t key1 = static_cast<uint32_t>(key.seed >> 32);
    for (int round = 0; round < 10; ++round) {
      const auto product0 = MultiplyLow(word0, multiplier0);
      const auto product1 = MultiplyLow(word2, multiplier1);
      word0 = hn::Xor(hn::ShiftRight<32>(product1), hn::Xor(word1, hn::Set(d, uint64_t{key0})));
      word1 = product1;
      word2 = hn::Xor(hn::ShiftRight<32>(product0), hn::Xor(word3, hn::Set(d, uint64_t{key1})));
      word3 = product0;
      key0 += philox_internal::kKeyStep0;
      key1 += philox_internal::kKeyStep1;
    }
    const auto low = hn::Set(d, uint64_t{0xffffffff});
    alignas(HWY_MAX_BYTES) uint64_t first[kBlocks];
    alignas(HWY_MAX_BYTES) uint64_t second[kBlocks];
    hn::Store(hn::Or(hn::And(word0, low), hn::ShiftLeft<32>(word1)), d, first);
    hn::Store(hn::Or(hn::And(word2, low), hn::ShiftLeft<32>(word3)), d, second);
    for (size_t b = 0; b < kBlocks; ++b) {
      std::memcpy(words + 4 * b, first + b, 8);
      std::memcpy(words + 4 * b + 2, second + b, 8);
    }
  }

 private:
  // Of the low halves of each lane.
  static HWY_INLINE hn::Vec<Wide> MultiplyLow(hn::Vec<Wide> a, hn::Vec<Wide> b) {
    return hn::MulEven(hn::BitCast(Narrow(), a), hn::BitCast(Narrow(), b));
  }
};

HWY_NOINLINE void DropoutRun(double rate, const ElementwiseKernels::DropoutKey& key, uint64_t first, const float* x,
                             float* y, size_t count) {
  const hn::Rebind<int32_t, Floats> d32;
  const uint32_t threshold = static_cast<uint32_t>(rate * 0x1p32);
  const V scale = Set(static_cast<float>(1 / (1 - rate)));
  // Unsigned words compare like signed ones with the highest bit turned.
  const auto turn = hn::Set(d32, INT32_MIN);
  const auto bound = hn::Set(d32, static_cast<int32_t>(threshold ^ 0x80000000u));
  alignas(HWY_MAX_BYTES) uint32_t words[PhiloxBlocks::kWords + kLanes] = {};
  for (size_t done = 0; done < count;) {
    const size_t skip = (first + done) % 4;  // words of the first block that belong to elements before
    PhiloxBlocks::Fill((first + done) / 4, key, words);
    const size_t n = std::min(PhiloxBlocks::kWords - skip, count - done);
    const float* const from = x + done;
    float* const to = y + done;
    ForChannels(n, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
      const auto word = hn::LoadU(d32, reinterpret_cast<const int32_t*>(words + skip + v.channel));
      const auto dropped = hn::RebindMask(Floats(), hn::Lt(hn::Xor(word, turn), bound));
      const V kept = hn::Mul(LoadSome<kPart>(from + v.channel, v.count), scale);
      StoreSome<kPart>(hn::IfThenZeroElse(dropped, kept), to + v.channel, v.count);
    });
    done += n;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_NN_SIMD_DROPOUT_INL_H_
