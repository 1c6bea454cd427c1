// This file is compiled once per instruction set: foreach_target.h includes it again for each but the last.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/data/crop_kernels.cc"

#include "worker/data/crop_kernels.h"

#include <algorithm>

#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace downpour {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

ByteMoments SumBytesRun(const uint8_t* values, size_t count) {
  // A lane of 32 bits takes two squares below 2^16 at a time.
  constexpr size_t kAtOnce = 16384;
  const hn::ScalableTag<int16_t> d16;
  const hn::Rebind<uint8_t, decltype(d16)> d8;
  const hn::RepartitionToWide<decltype(d16)> d32;
  const auto ones = hn::Set(d16, 1);
  const size_t lanes = hn::Lanes(d16);
  ByteMoments moments;
  size_t i = 0;
  while (i + lanes <= count) {
    auto sum = hn::Zero(d32), sum_more = hn::Zero(d32), squares = hn::Zero(d32), squares_more = hn::Zero(d32);
    const size_t end = i + std::min(count - i, kAtOnce) / lanes * lanes;
    for (; i < end; i += lanes) {
      const auto v = hn::PromoteTo(d16, hn::LoadU(d8, values + i));
      sum = hn::ReorderWidenMulAccumulate(d32, v, ones, sum, sum_more);
      squares = hn::ReorderWidenMulAccumulate(d32, v, v, squares, squares_more);
    }
    // At most 16384 * 65025, which 31 bits hold.
    moments.sum += static_cast<uint32_t>(hn::GetLane(hn::SumOfLanes(d32, hn::Add(sum, sum_more))));
    moments.sum_of_squares += static_cast<uint32_t>(hn::GetLane(hn::SumOfLanes(d32, hn::Add(squares, squares_more))));
  }
  for (; i < count; ++i) {
    moments.sum += values[i];
    moments.sum_of_squares += uint32_t{values[i]} * values[i];
  }
  return moments;
}

// As many channels as a template argument says, a vector of pixels at a time; returns the pixels that are done.
template <int kChannels>
size_t ScaleVectors(const uint8_t* planes, size_t pixels, float scale, const float* shift, float* out) {
  const hn::ScalableTag<float> df;
  const hn::RebindToSigned<decltype(df)> d32;
  const hn::Rebind<uint8_t, decltype(df)> d8;
  const auto factor = hn::Set(df, scale);
  const size_t lanes = hn::Lanes(df);
  const auto scaled = [&](size_t i, size_t channel) HWY_ATTR {
    const auto bytes = hn::LoadU(d8, planes + channel * pixels + i);
    const auto floats = hn::ConvertTo(df, hn::PromoteTo(d32, bytes));
    return hn::Add(hn::Mul(floats, factor), hn::Set(df, shift[channel]));
  };
  size_t i = 0;
  for (; i + lanes <= pixels; i += lanes) {
    if constexpr (kChannels == 1) {
      hn::StoreU(scaled(i, 0), df, out + i);
    } else {
      hn::StoreInterleaved3(scaled(i, 0), scaled(i, 1), scaled(i, 2), df, out + 3 * i);
    }
  }
  return i;
}

void ScaleToFloatsRun(const uint8_t* planes, size_t pixels, int channels, float scale, const float* shift, float* out) {
  size_t done = 0;
  if (channels == 1) done = ScaleVectors<1>(planes, pixels, scale, shift, out);
  if (channels == 3) done = ScaleVectors<3>(planes, pixels, scale, shift, out);
  const auto step = static_cast<size_t>(channels);
  for (size_t channel = 0; channel < step; ++channel) {
    const uint8_t* const plane = planes + channel * pixels;
    for (size_t i = done; i < pixels; ++i) out[i * step + channel] = plane[i] * scale + shift[channel];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace downpour {

HWY_EXPORT(SumBytesRun);
HWY_EXPORT(ScaleToFloatsRun);

ByteMoments SumBytes(const uint8_t* values, size_t count) { return HWY_DYNAMIC_DISPATCH(SumBytesRun)(values, count); }

void ScaleToFloats(const uint8_t* planes, size_t pixels, int channels, float scale, const float* shift, float* out) {
  HWY_DYNAMIC_DISPATCH(ScaleToFloatsRun)(planes, pixels, channels, scale, shift, out);
}

}  // namespace downpour

#endif  // HWY_ONCE
