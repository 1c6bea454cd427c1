#include "worker/models/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace downpour {
namespace {

size_t Rounded(size_t bytes, size_t alignment) { return (bytes + alignment - 1) / alignment * alignment; }

}  // namespace

MemoryPlan PlanMemory(std::span<const BufferLife> buffers, size_t alignment) {
  MemoryPlan plan;
  plan.offsets.resize(buffers.size());
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<size_t> placed;  // by offset
  for (const size_t index : order) {
    const BufferLife& buffer = buffers[index];
    const size_t bytes = Rounded(buffer.bytes, alignment);
    size_t end = 0;  // of what is alive together with the buffer and lies before the gap
    size_t best = 0, best_gap = 0;
    bool found = false;
    for (const size_t other : placed) {
      if (buffers[other].last < buffer.first || buffer.last < buffers[other].first) continue;
      const size_t begin = plan.offsets[other];
      if (begin >= end && begin - end >= bytes && (!found || begin - end < best_gap)) {
        best = end;
        best_gap = begin - end;
        found = true;
      }
      end = std::max(end, begin + Rounded(buffers[other].bytes, alignment));
    }
    plan.offsets[index] = found ? best : end;
    plan.bytes = std::max(plan.bytes, plan.offsets[index] + bytes);
    const auto by_offset = [&](size_t a, size_t b) { return plan.offsets[a] < plan.offsets[b]; };
    placed.insert(std::upper_bound(placed.begin(), placed.end(), index, by_offset), index);
  }
  return plan;
}

MemoryPlan PlanWithoutReuse(std::span<const BufferLife> buffers, size_t alignment) {
  MemoryPlan plan;
  for (const BufferLife& buffer : buffers) {
    plan.offsets.push_back(plan.bytes);
    plan.bytes += Rounded(buffer.bytes, alignment);
  }
  return plan;
}

}  // namespace downpour
