// A few lanes of the CPU that train one model together, on one machine and without servers: what `downpour bench step`
// measures.
#ifndef DOWNPOUR_CLI_STEP_LANE_TEAM_H_
#define DOWNPOUR_CLI_STEP_LANE_TEAM_H_

#include <atomic>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/step/example_batch.h"
#include "common/tensor/dtype.h"
#include "worker/device/device.h"
#include "worker/models/graph.h"
#include "worker/models/program.h"

namespace downpour {

struct LaneTeamOptions {
  int lanes = 1;
  int64_t batch = 128;  // of each lane
  DType compute = DType::kFloat32;
  bool fuse = true;
  double learning_rate = 0.01;
  // Makes the device of a lane, which runs inline in the host's memory. Called on the lane's thread.
  std::function<absl::StatusOr<std::unique_ptr<Device>>(int lane)> make_device;
};

// Each lane is a thread with a device, a program and examples of its own; all begin with the weights that a server
// would give them. A step: each lane computes the gradients of its batch; once all have finished, the lanes share out
// the parameters by pieces, and who takes a piece averages its gradients and updates it in every lane's weights, by
// plain SGD with the L2 decay and the rate's multiplier that the model says. So each gradient is read once, and a lane
// that waits for its core delays no more than its piece. Same examples, same lanes: same bits.
//
// One thread at a time calls.
class LaneTeam {
 public:
  static absl::StatusOr<std::unique_ptr<LaneTeam>> Create(std::shared_ptr<const Graph> graph,
                                                          const LaneTeamOptions& options);
  ~LaneTeam();
  LaneTeam(const LaneTeam&) = delete;
  LaneTeam& operator=(const LaneTeam&) = delete;

  int lanes() const { return options_.lanes; }

  // Examples of a step, of all lanes.
  int64_t examples() const { return options_.lanes * options_.batch; }

  // That many steps on the same examples. The first error of any lane.
  absl::Status Train(int steps);

  // Calls `work` on every lane's thread at the same time.
  void RunOnAll(const std::function<void(int lane)>& work);

  // Not while something runs.
  Program& program(int lane = 0) { return *lanes_[lane].program; }
  const Batch& batch() const { return lanes_[0].examples.batch; }

  // After the last step, the mean over lanes.
  absl::StatusOr<double> Loss();

 private:
  struct Lane {
    std::unique_ptr<Device> device;
    std::unique_ptr<Program> program;
    ExampleBatch examples;
    absl::Status status;
  };

  // Elements of a parameter, which a lane updates in one go.
  struct Piece {
    size_t parameter = 0;
    size_t begin = 0;
    size_t count = 0;
  };

  LaneTeam(std::shared_ptr<const Graph> graph, const LaneTeamOptions& options);
  void Loop(int lane);
  absl::Status SetUp(int lane);
  void TrainLane(int lane, int steps);
  void Update(const Piece& piece);
  absl::Status FirstError() const;

  const std::shared_ptr<const Graph> graph_;
  const LaneTeamOptions options_;
  std::vector<Lane> lanes_;
  uint64_t step_ = 0;

  std::vector<Piece> pieces_;            // of all parameters
  std::atomic<size_t> piece_taken_ = 0;  // how many lanes have asked for in this step

  // Lanes and the caller meet at the beginning and end of a piece of work; lanes among themselves within a step.
  std::barrier<> begin_;
  std::barrier<> end_;
  std::barrier<> lanes_meet_;
  const std::function<void(int lane)>* work_ = nullptr;  // null: the threads end
  std::vector<std::thread> threads_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STEP_LANE_TEAM_H_
