// Examples without a data set, to measure with.
#ifndef DOWNPOUR_CLI_STEP_EXAMPLE_BATCH_H_
#define DOWNPOUR_CLI_STEP_EXAMPLE_BATCH_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/tensor/dtype.h"
#include "worker/device/device.h"
#include "worker/models/graph.h"
#include "worker/models/program.h"

namespace downpour {

// A batch in device memory; what `batch` points to belongs to it.
struct ExampleBatch {
  Batch batch;
  std::vector<Buffer> memory;
};

// `size` examples for every input of the graph: real numbers with mean 0 and deviation 1, labels of 0 and 1 where a
// sigmoid_cross_entropy judges by them, indices below the smallest of what takes them. All from the seed. `compute` is
// kFloat32, kFloat64 or kBFloat16.
absl::StatusOr<ExampleBatch> MakeExampleBatch(const Graph& graph, int64_t size, DType compute, uint64_t seed,
                                              Device* device);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STEP_EXAMPLE_BATCH_H_
