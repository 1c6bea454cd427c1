#ifndef DOWNPOUR_CLI_STEP_STEP_BENCH_CASES_H_
#define DOWNPOUR_CLI_STEP_STEP_BENCH_CASES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/interleaved.h"
#include "common/tensor/dtype.h"
#include "worker/device/device.h"
#include "worker/models/graph.h"

namespace downpour {

struct StepBenchModel {
  std::string name;  // as in the names of cases
  std::shared_ptr<const Graph> graph;
};

struct StepBenchOptions {
  std::vector<StepBenchModel> models;
  std::vector<int64_t> batches = {128};  // of each lane
  std::vector<int> lanes = {1};
  DType compute = DType::kFloat32;  // or kBFloat16
  bool fuse = true;
  bool layers = false;        // also the time of each node
  bool foreign_load = false;  // also beside a busy process on each core
  int rounds = 9;
  double seconds_a_round = 0.5;  // of each contestant, roughly
  std::function<absl::StatusOr<std::unique_ptr<Device>>(int lane)> make_device;
  std::function<void(const BenchLine&)> on_line;
};

// What a step of training costs: forward, backward, the lanes' gradients summed, plain SGD (LaneTeam).
//   <model>/<dtype>/batch<B>/lanes<L>               images/s of all lanes, beside what the same lanes could do if they
//                                                   reached the peak of bare multiplications and additions: the ratio
//                                                   is the share of the peak. FLOPs are counted as in Graph::StepFlops,
//                                                   for the plain algorithm: one that needs fewer may pass 1.
//                                       work        MFLOP of an image in a step, beside that of forward alone
//                                       scaling     of several lanes: beside the first number of lanes that was asked
//                                       for foreign_load    with a busy process on every core: beside the share of the
//                                                   cores that is left to the lanes, of what they do alone
//   <model>/<dtype>/batch<B>/lanes1/<node>/forward|backward    ms of each node in a step, beside the sum of all
// All that is compared runs in turns in the same rounds.
absl::Status RunStepBench(const StepBenchOptions& options);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STEP_STEP_BENCH_CASES_H_
