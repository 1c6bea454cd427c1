// What happened between two samples of a job, as the rules of the diagnosis look at it.
#ifndef DOWNPOUR_CLI_STATUS_JOB_FACTS_H_
#define DOWNPOUR_CLI_STATUS_JOB_FACTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/status/cluster_sample.h"
#include "cli/status/cluster_view.h"
#include "cli/status/peers.h"

namespace downpour {

// As in cluster_view.h, all figures are sane or kUnknown.
struct LinkFacts {
  double round_trip = kUnknown;    // seconds
  double push_seconds = kUnknown;  // of one push
  double pull_seconds = kUnknown;
  double reconnects = 0;
};

struct WorkerFacts {
  std::string name = {};
  std::string task = {};
  std::string host = {};
  std::string device = {};
  std::string device_kind = {};  // "cpu", "cuda"
  double lanes = 1;              // threads that its steps keep busy: of CPU devices as many as there are, else 0
  wire::WorkerStatus::State state = wire::WorkerStatus::STATE_UNSPECIFIED;
  bool draining = false;
  double silent_seconds = kUnknown;
  double clock = kUnknown;
  double answer_seconds = kUnknown;  // that its task took to tell its status
  bool measured = false;             // both samples have its load, and time has passed
  double seconds = kUnknown;         // that passed for it
  double steps = kUnknown;           // that it finished in this time
  double mean_step = kUnknown;       // seconds a step, since it began
  PhaseFigures per_step = {kUnknown, kUnknown, kUnknown, kUnknown, kUnknown, kUnknown};  // seconds
  PhaseFigures share = {kUnknown, kUnknown, kUnknown, kUnknown, kUnknown, kUnknown};
  std::map<uint32_t, LinkFacts> links = {};     // by server
  std::map<std::string, double> refusals = {};  // between the samples

  // Takes part: it may be suspect for having been silent for a moment.
  bool live() const {
    return state == wire::WorkerStatus::LIVE || (state == wire::WorkerStatus::SUSPECT && measured && steps > 0);
  }
  double of(Phase phase) const { return share[static_cast<size_t>(phase)]; }
  double step_of(Phase phase) const { return per_step[static_cast<size_t>(phase)]; }
  // Of its time: on the way to servers and back, and for what the policy has it wait for.
  double communication() const { return of(Phase::kPush) + of(Phase::kPull); }
  double waiting() const { return communication() + of(Phase::kWait); }
  double rate() const { return steps / seconds; }
};

struct ShardFacts {
  uint32_t shard = 0;
  std::string table = {};
  double elements = kUnknown;
  double pushes = kUnknown;        // between the samples
  double push_seconds = kUnknown;  // of one
  double inside = kUnknown;        // pushes in it on average
};

struct ServerFacts {
  std::string task = {};
  std::string address = {};
  uint32_t number = 0;
  std::string host = {};
  std::string why_not = {};  // it does not answer
  std::string waiting_for = {};
  bool measured = false;  // both samples are of the same process
  double seconds = kUnknown;
  double cores = kUnknown;
  double cores_used = kUnknown;
  double pushes = kUnknown;  // between the samples, as all below
  double dropped = kUnknown;
  double duplicates = kUnknown;
  double bytes_in = kUnknown;
  double push_seconds = kUnknown;  // of one
  double inside = kUnknown;        // pushes in it on average
  double staleness = kUnknown;     // mean
  double pushes_held = kUnknown;   // now
  double pulls_waiting = kUnknown;
  std::map<std::string, double> refusals = {};
  std::vector<ShardFacts> shards = {};
};

// A machine, as far as tasks of the job are on it.
struct HostFacts {
  double cores = kUnknown;
  double wanted = 0;       // cores that the tasks would keep busy
  double got = 0;          // that they kept busy
  bool has_lanes = false;  // CPU devices train on it
  std::vector<std::string> tasks = {};
};

struct JobFacts {
  double seconds = kUnknown;
  bool run_known = false;
  bool finished = false;
  std::string policy = {};
  std::vector<WorkerFacts> workers = {};
  std::vector<ServerFacts> servers = {};
  std::map<std::string, HostFacts> hosts = {};
  std::map<std::string, HostFacts> by_task = {};  // the same of each task alone
  std::vector<std::string> silent_tasks = {};     // workers' tasks that do not answer, with the reason

  // Of live workers that were measured.
  Peers ShareOf(double (WorkerFacts::*figure)() const) const;
  size_t live_count() const;
};

JobFacts CollectJobFacts(const ClusterSample& before, const ClusterSample& now);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_JOB_FACTS_H_
