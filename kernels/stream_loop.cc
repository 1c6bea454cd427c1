#include "kernels/stream_loop.h"

namespace downpour {
namespace {

// Vectors of the compiler's own, so that one body serves every width.
template <size_t kBytes>
using Vector [[gnu::vector_size(kBytes), gnu::may_alias]] = float;

template <size_t kBytes, size_t kUpdated>
[[gnu::always_inline]] inline void StreamBody(const float* read_only, float* const* updated, float scale,
                                              size_t count) {
  using V = Vector<kBytes>;
  constexpr size_t kLanes = kBytes / sizeof(float);
  float* streams[kUpdated];
  for (size_t k = 0; k < kUpdated; ++k) streams[k] = updated[k];
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const V added = scale * *reinterpret_cast<const V*>(read_only + i);
    V values[kUpdated];
    for (size_t k = 0; k < kUpdated; ++k) values[k] = *reinterpret_cast<const V*>(streams[k] + i) + added;
    for (size_t k = 0; k < kUpdated; ++k) *reinterpret_cast<V*>(streams[k] + i) = values[k];
  }
  for (; i < count; ++i) {
    for (size_t k = 0; k < kUpdated; ++k) streams[k][i] += scale * read_only[i];
  }
}

template <size_t kBytes>
[[gnu::always_inline]] inline void StreamWidth(const float* read_only, absl::Span<float* const> updated, float scale,
                                               size_t count) {
  if (updated.size() == 1) return StreamBody<kBytes, 1>(read_only, updated.data(), scale, count);
  if (updated.size() == 2) return StreamBody<kBytes, 2>(read_only, updated.data(), scale, count);
  StreamBody<kBytes, 3>(read_only, updated.data(), scale, count);
}

template <size_t kBytes>
[[gnu::always_inline]] inline float ReadBody(const float* read_only, size_t count) {
  using V = Vector<kBytes>;
  constexpr size_t kLanes = kBytes / sizeof(float);
  constexpr size_t kUnrolled = 4;
  V sums[kUnrolled] = {};
  size_t i = 0;
  for (; i + kUnrolled * kLanes <= count; i += kUnrolled * kLanes) {
    for (size_t k = 0; k < kUnrolled; ++k) sums[k] += *reinterpret_cast<const V*>(read_only + i + k * kLanes);
  }
  const V all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  float sum = 0;
  for (size_t lane = 0; lane < kLanes; ++lane) sum += all[lane];
  for (; i < count; ++i) sum += read_only[i];
  return sum;
}

[[gnu::target("avx512f")]] void Stream512(const float* r, absl::Span<float* const> u, float scale, size_t count) {
  StreamWidth<64>(r, u, scale, count);
}
[[gnu::target("avx2")]] void Stream256(const float* r, absl::Span<float* const> u, float scale, size_t count) {
  StreamWidth<32>(r, u, scale, count);
}
void Stream128(const float* r, absl::Span<float* const> u, float scale, size_t count) {
  StreamWidth<16>(r, u, scale, count);
}

[[gnu::target("avx512f")]] float Read512(const float* r, size_t count) { return ReadBody<64>(r, count); }
[[gnu::target("avx2")]] float Read256(const float* r, size_t count) { return ReadBody<32>(r, count); }
float Read128(const float* r, size_t count) { return ReadBody<16>(r, count); }

}  // namespace

void StreamLoop(const float* read_only, absl::Span<float* const> updated, float scale, size_t count) {
  if (__builtin_cpu_supports("avx512f")) return Stream512(read_only, updated, scale, count);
  if (__builtin_cpu_supports("avx2")) return Stream256(read_only, updated, scale, count);
  Stream128(read_only, updated, scale, count);
}

float ReadLoop(const float* read_only, size_t count) {
  if (__builtin_cpu_supports("avx512f")) return Read512(read_only, count);
  if (__builtin_cpu_supports("avx2")) return Read256(read_only, count);
  return Read128(read_only, count);
}

}  // namespace downpour
