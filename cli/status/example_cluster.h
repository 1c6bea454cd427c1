// A job as its tasks report it, healthy unless a test makes it otherwise.
#ifndef DOWNPOUR_CLI_STATUS_EXAMPLE_CLUSTER_H_
#define DOWNPOUR_CLI_STATUS_EXAMPLE_CLUSTER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/status/cluster_sample.h"

namespace downpour {

struct ExampleWorker {
  double data = 0.02;  // seconds of a step by phase
  double compute = 0.08;
  double push = 0.004;
  double pull = 0.008;
  double wait = 0.001;
  double evaluate = 0;
  double steps_per_second = 0;  // 0: as its phases have it
  std::string device = "cpu:0";
  std::string host = "host-a";
  double cores_used = 1;
  uint32_t lanes = 1;
  wire::WorkerStatus::State state = wire::WorkerStatus::LIVE;
  double silent_seconds = 0.1;
  bool answers = true;
  // By server.
  std::map<uint32_t, double> round_trip = {};    // otherwise 1 ms
  std::map<uint32_t, double> push_seconds = {};  // of one push; otherwise 4 ms
  std::map<uint32_t, uint64_t> reconnects = {};
  std::map<std::string, double> refusals_per_second = {};

  double Step() const { return data + compute + push + pull + wait + evaluate; }
  double Rate() const { return steps_per_second > 0 ? steps_per_second : 1 / Step(); }
};

struct ExampleServer {
  std::string host = "host-s";
  double cores = 8;
  double cores_used = 0.5;
  double seconds_of_push = 0.001;  // at the server, of one push of one shard
  double bytes_share = 1;          // of an even share
  uint64_t shards = 4;
  std::map<uint32_t, double> shard_seconds = {};  // of one push of that shard
  double staleness = 2;
  std::map<std::string, double> refusals_per_second = {};
  double dropped_per_second = 0;
  double duplicates_per_second = 0;
  bool answers = true;
};

struct ExampleCluster {
  std::string policy = "async";
  std::vector<ExampleServer> servers;
  std::vector<ExampleWorker> workers;
  double host_cores = 8;
  bool finished = false;

  static ExampleCluster Of(size_t servers, size_t workers);

  // As things are `seconds` after all tasks began.
  ClusterSample At(double seconds) const;
  wire::StatusReport ServerReport(uint32_t server, double seconds) const;
  wire::StatusReport WorkerReport(uint32_t worker, double seconds) const;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_EXAMPLE_CLUSTER_H_
