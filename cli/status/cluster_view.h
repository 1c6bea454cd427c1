// What the reports of a job's tasks add up to: the figures that people and programs are shown.
//
// Pure: two samples in, figures out. Reports come from the network and may be anything, so each figure is finite, not
// negative (but for losses and scores), and at most kFigureMax; what is not known, or is no such number, is NaN.
#ifndef DOWNPOUR_CLI_STATUS_CLUSTER_VIEW_H_
#define DOWNPOUR_CLI_STATUS_CLUSTER_VIEW_H_

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "cli/status/cluster_sample.h"

namespace downpour {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kFigureMax = 1e18;

// `value` if it is a figure, else kUnknown.
double Figure(double value);
// How much a total has grown per second; kUnknown where it has shrunk (its task has begun anew) or no time has passed.
double RateOf(double before, double now, double seconds);

enum class Phase { kData, kCompute, kPush, kPull, kWait, kEvaluate };
inline constexpr size_t kPhaseCount = 6;
inline constexpr const char* kPhaseNames[kPhaseCount] = {"data", "compute", "push", "pull", "wait", "evaluate"};
using PhaseFigures = std::array<double, kPhaseCount>;
PhaseFigures PhasesOf(const wire::PhaseSeconds& phases);

struct RunView {
  bool known = false;  // somebody who coordinates has told
  std::string job = {};
  std::string policy = {};
  std::string optimizer = {};
  double parameters = kUnknown;
  double servers = kUnknown;
  double steps = kUnknown;
  double steps_planned = kUnknown;
  double epoch = kUnknown;
  double seconds = kUnknown;
  double seconds_planned = kUnknown;
  double seconds_left = kUnknown;
  double steps_per_second = kUnknown;
  double examples_per_second = kUnknown;
  double learning_rate = kUnknown;
  double loss = kUnknown;
  double batch = kUnknown;
  double leases_open = kUnknown;
  double last_step = kUnknown;  // of the last evaluation
  double last_score = kUnknown;
  double best_step = kUnknown;
  double best_score = kUnknown;
  bool finished = false;
  std::string why_finished = {};
};

struct LinkView {
  uint32_t server = 0;
  std::string carrier = {};
  bool connected = false;
  double reconnects = kUnknown;
  double round_trip_seconds = kUnknown;
  double push_seconds = kUnknown;  // of one push, from being sent to its acknowledgement
  double pull_seconds = kUnknown;
  double out_per_second = kUnknown;  // bytes
  double in_per_second = kUnknown;
  double bytes_in_flight = kUnknown;
};

struct ShardView {
  uint32_t shard = 0;
  std::string table = {};
  double elements = kUnknown;
  double bytes = kUnknown;
  double version = kUnknown;
  double updates_per_second = kUnknown;
  double pushes_held = kUnknown;
  double pulls_waiting = kUnknown;
  double push_seconds = kUnknown;   // of one push
  double pushes_inside = kUnknown;  // on average, being applied or waiting for the shard's lock
};

struct ServerView {
  std::string task = {};
  std::string address = {};
  std::string state = {};    // "running", "waiting", "draining", "finished", "no answer", "unknown"
  std::string problem = {};  // why it does not answer, or what it waits for
  bool answered = false;
  std::string host = {};
  std::string version = {};
  double pid = kUnknown;
  double uptime_seconds = kUnknown;
  double cores = kUnknown;
  double cores_used = kUnknown;
  double resident_bytes = kUnknown;
  double shards = kUnknown;
  double memory_used = kUnknown;
  double memory_max = kUnknown;
  double bytes_pending = kUnknown;
  double updates_per_second = kUnknown;
  double pushes_per_second = kUnknown;
  double pulls_per_second = kUnknown;
  double in_per_second = kUnknown;  // bytes
  double out_per_second = kUnknown;
  double pushes_held = kUnknown;
  double pulls_waiting = kUnknown;
  double pushes_applied = kUnknown;
  double pushes_dropped = kUnknown;
  double duplicates = kUnknown;
  double staleness_mean = kUnknown;
  double push_seconds = kUnknown;   // of one push
  double pushes_inside = kUnknown;  // on average
  double streams = kUnknown;
  double refusals = 0;
  std::vector<std::pair<std::string, double>> refusals_by_reason = {};
  std::vector<std::pair<double, double>> staleness = {};  // smallest of the bucket, pushes
  std::vector<ShardView> shard_views = {};                // where they were asked for
};

// A replica; or a worker's task that has none yet.
struct WorkerView {
  std::string name = {};  // "worker/3", "worker/3:1"
  std::string task = {};
  std::string state = {};    // "live", "suspect", "dead", "left", "draining", "waiting", "unknown", "no answer"
  std::string problem = {};  // why its task does not answer, or what it waits for
  bool dead = false;
  std::string host = {};
  std::string device = {};
  double clock = kUnknown;
  double steps_per_second = kUnknown;
  double examples_per_second = kUnknown;
  double loss = kUnknown;
  PhaseFigures shares = {kUnknown, kUnknown, kUnknown, kUnknown, kUnknown, kUnknown};  // of its time; 0 to 1
  double device_busy = kUnknown;
  double device_memory_used = kUnknown;
  double device_memory_total = kUnknown;
  double silent_seconds = kUnknown;
  double joined_seconds = kUnknown;
  double deaths = kUnknown;
  double refusals = 0;  // by all servers
  std::vector<std::pair<std::string, double>> refusals_by_reason = {};
  std::vector<LinkView> links = {};
};

struct ClusterView {
  double interval_seconds =
      kUnknown;  // between the samples; kUnknown: there is one, and rates are means since the start
  RunView run = {};
  std::vector<ServerView> servers = {};
  std::vector<WorkerView> workers = {};
  // Tasks that do not answer and have no name.
  std::vector<std::string> problems = {};
  // All tasks answer, and no worker is dead.
  bool well = true;
};

// `before` may be null. Strings of reports are made safe for a terminal (safe_text.h).
ClusterView MakeClusterView(const ClusterSample* before, const ClusterSample& now);

// Why tasks do not answer, a line for each.
std::vector<std::string> UnansweredTexts(const ClusterSample& sample);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_CLUSTER_VIEW_H_
