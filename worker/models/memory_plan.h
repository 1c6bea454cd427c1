// Where buffers lie that are not all alive at once.
#ifndef DOWNPOUR_WORKER_MODELS_MEMORY_PLAN_H_
#define DOWNPOUR_WORKER_MODELS_MEMORY_PLAN_H_

#include <cstddef>
#include <span>
#include <vector>

namespace downpour {

// A buffer that is in use from moment `first` to moment `last`, both included.
struct BufferLife {
  size_t bytes = 0;
  size_t first = 0;
  size_t last = 0;
};

struct MemoryPlan {
  std::vector<size_t> offsets;  // of each buffer, multiples of the alignment
  size_t bytes = 0;             // in all
};

// Gives each buffer a place in one block such that no two that are alive at one moment overlap: the largest first, each
// where it fits most tightly between those that are placed. Deterministic. Within a few percent of the least possible
// for the networks we know (the least is the largest sum of what is alive at one moment).
MemoryPlan PlanMemory(std::span<const BufferLife> buffers, size_t alignment);

// Every buffer by itself, nothing used twice.
MemoryPlan PlanWithoutReuse(std::span<const BufferLife> buffers, size_t alignment);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_MODELS_MEMORY_PLAN_H_
