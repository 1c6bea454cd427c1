#ifndef DOWNPOUR_KERNELS_CUDA_VECTOR_LOOP_H_
#define DOWNPOUR_KERNELS_CUDA_VECTOR_LOOP_H_

#include <cstdint>

#ifdef __CUDACC__
#define DP_HOST_DEVICE __host__ __device__
#else
#define DP_HOST_DEVICE
#endif

// How a kernel walks over n floats with 16-byte loads and stores wherever alignment allows. All of
// it runs on the host too, where it is tested without a GPU.
namespace downpour {

inline constexpr int kFloatsPerVector = 4;

// n floats as `head` single ones up to the first 16-byte boundary, `vectors` groups of four, and a
// tail of single ones up to `size`.
struct VectorSplit {
  int64_t head = 0;
  int64_t vectors = 0;
  int64_t size = 0;

  DP_HOST_DEVICE constexpr int64_t SingleCount() const { return size - vectors * kFloatsPerVector; }
};

// The split of `size` floats that begin at `address`. REQUIRES: `address` is a multiple of 4, size
// >= 0.
constexpr VectorSplit SplitVectors(uintptr_t address, int64_t size) {
  const int64_t before_boundary = static_cast<int64_t>((0 - address / sizeof(float)) % kFloatsPerVector);
  const int64_t head = before_boundary < size ? before_boundary : size;
  return {head, (size - head) / kFloatsPerVector, size};
}

// The same for two arrays walked together: without vectors unless both reach a boundary at the same
// element.
constexpr VectorSplit SplitVectors(uintptr_t a, uintptr_t b, int64_t size) {
  if ((a - b) % (kFloatsPerVector * sizeof(float)) != 0) return {0, 0, size};
  return SplitVectors(a, size);
}

// The share of thread `thread` among `threads`: calls body.Four(i) for groups of elements [i, i +
// 4), whose address is a multiple of 16 bytes, and body.One(i) for single elements. All threads
// together call for each element exactly once; neighbouring threads get neighbouring groups.
template <typename Body>
DP_HOST_DEVICE void ForShareOfThread(const VectorSplit& split, int64_t thread, int64_t threads, Body& body) {
  for (int64_t v = thread; v < split.vectors; v += threads) {
    body.Four(split.head + v * kFloatsPerVector);
  }
  const int64_t singles = split.SingleCount();
  for (int64_t s = thread; s < singles; s += threads) {
    body.One(s < split.head ? s : s + split.vectors * kFloatsPerVector);
  }
}

inline constexpr int kThreadsPerBlock = 256;

// More blocks than this fill no GPU better; threads go round instead.
inline constexpr int kBlocksMax = 4096;

// How many blocks a launch over `split` takes: a thread for each group or single element up to
// kBlocksMax; 0 for no elements.
constexpr int BlockCount(const VectorSplit& split) {
  const int64_t singles = split.SingleCount();
  const int64_t threads = split.vectors > singles ? split.vectors : singles;
  const int64_t blocks = (threads + kThreadsPerBlock - 1) / kThreadsPerBlock;
  return static_cast<int>(blocks < kBlocksMax ? blocks : kBlocksMax);
}

// Whether the float with these bits is an infinity or a NaN.
DP_HOST_DEVICE constexpr bool IsNonFinite(uint32_t bits) { return (bits & 0x7f800000u) == 0x7f800000u; }

}  // namespace downpour

#endif  // DOWNPOUR_KERNELS_CUDA_VECTOR_LOOP_H_
