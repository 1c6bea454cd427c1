// Why a job is slow: who holds it up, and the figures that convict it.
#ifndef DOWNPOUR_CLI_STATUS_DIAGNOSIS_H_
#define DOWNPOUR_CLI_STATUS_DIAGNOSIS_H_

#include <string>
#include <utility>
#include <vector>

#include "cli/status/cluster_sample.h"

namespace downpour {

struct Finding {
  // One of: no_answer, lost_worker, standstill, straggler, starving_reader, slow_server, hot_server, hot_shard,
  // slow_link, broken_link, overloaded_host, waiting_for_work, evaluation, communication, refusals, late_gradients,
  // staleness. Names are a promise.
  std::string cause = {};
  // "worker/3", "server/1", "worker/3 - server/1", "host-a", "the job".
  std::string subject = {};
  // Share of the job's speed that it costs, 0 to 1: an estimate, to know what to mend first.
  double lost = 0;
  std::string summary = {};                // one sentence
  std::vector<std::string> evidence = {};  // the figures, in words
  std::string advice = {};                 // what to do
  // The figures for programs, by names with their unit.
  std::vector<std::pair<std::string, double>> figures = {};
};

struct Diagnosis {
  double seconds = 0;                   // between the samples
  std::vector<Finding> findings = {};   // worst first
  std::vector<std::string> notes = {};  // what could not be looked at
  bool finished = false;                // the run is over: nothing is slow any more
  // Means over the live workers, 0 to 1 (NaN: not known): what their time goes to.
  double data = 0, compute = 0, communication = 0, wait = 0;
  double workers = 0;  // that could be looked at
};

// Pure. Samples are of the same job, `before` some seconds earlier, with shards. Whatever the reports say, every text
// is safe for a terminal and every figure finite.
Diagnosis Diagnose(const ClusterSample& before, const ClusterSample& now);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_DIAGNOSIS_H_
