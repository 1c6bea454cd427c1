// What happens in a run, as those hear it who show or keep it: the live line, the JSON log, TensorBoard's event files.
#ifndef DOWNPOUR_WORKER_TRAIN_RUN_EVENTS_H_
#define DOWNPOUR_WORKER_TRAIN_RUN_EVENTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace downpour {

struct RunStart {
  std::string job;
  std::string policy;     // "async", as the job's file calls it
  std::string optimizer;  // "momentum", the same way
  std::string data;       // "fashion-mnist: 60,000 to train on, 10,000 to test by, from /usr/share/datasets/..."
  std::string model;
  std::string carrier;               // "memory", "shm" or "grpc"
  std::vector<std::string> devices;  // one for each replica; towers of one are joined by "+"
  uint32_t servers = 1;
  uint64_t parameters = 0;
  uint64_t batch = 0;                     // examples of a step
  uint64_t examples = 0;                  // of an epoch
  std::optional<uint64_t> steps;          // of the whole run, where the budget tells them
  std::optional<double> seconds_allowed;  // the budget's minutes
  uint64_t seed = 0;
};

// Since the last such event, over all replicas.
struct RunProgress {
  uint64_t step = 0;      // global
  double epoch = 0;       // 1.5: half through the second
  uint64_t examples = 0;  // since the start
  double seconds = 0;     // since the start
  double loss = 0;        // mean of the steps since the last event
  double accuracy = 0;    // of the training batches since then; NaN where the model tells none
  double learning_rate = 0;
  double examples_per_second = 0;
  double staleness = 0;  // mean of the pushes since then
};

struct RunEvaluation {
  uint64_t step = 0;
  double epoch = 0;
  double seconds = 0;  // since the start
  double took_seconds = 0;
  std::string split;  // "test" or "validation"
  uint64_t examples = 0;
  double loss = 0;
  double accuracy = 0;   // share of examples; NaN where the model tells none
  bool average = false;  // by the moving average of the weights
  bool best = false;     // so far
};

// Of one parameter; the spans hold during the call.
struct RunTensor {
  std::string_view name;
  std::span<const float> weights;
  std::span<const float> gradient;
};

// Where a replica's time went, in seconds.
struct PhaseTimes {
  double data = 0;     // waiting for batches, or making them
  double compute = 0;  // forward and backward
  double push = 0;     // handing gradients over
  double pull = 0;     // fetching weights
  double wait = 0;     // for the policy, leases and free room
  double evaluate = 0;
};

struct ReplicaShare {
  uint32_t worker = 0;
  std::string device;
  uint64_t steps = 0;
  uint64_t examples = 0;
  PhaseTimes phases;
};

struct RunEnd {
  absl::Status status;  // OK also where a person stopped it
  std::string reason;   // "all 10 epochs are done", "stopped by Ctrl-C after step 1,234", ...
  bool interrupted = false;
  uint64_t steps = 0;
  uint64_t examples = 0;
  double seconds = 0;
  double examples_per_second = 0;  // of training, time of evaluations left out
  std::optional<RunEvaluation> last;
  std::optional<RunEvaluation> best;
  double staleness_mean = 0;
  std::map<uint64_t, uint64_t> staleness;  // pushes by staleness
  uint64_t dropped_pushes = 0;             // too late for their step
  std::vector<ReplicaShare> replicas;
};

// Hears of a run. One call at a time, in the order of events, from any thread; must not wait for the run. A failure of
// its own (a full disk) is its own to report, once, and never ends the run.
class RunObserver {
 public:
  virtual ~RunObserver() = default;

  virtual void Started(const RunStart&) {}
  virtual void Progressed(const RunProgress&) {}
  virtual void Evaluated(const RunEvaluation&) {}
  virtual void Histograms(uint64_t /*step*/, std::span<const RunTensor>) {}
  // Something that a person should know, in one line.
  virtual void Noted(std::string_view /*text*/) {}
  virtual void Ended(const RunEnd&) {}
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_RUN_EVENTS_H_
