// The tasks of an example, each answering at an address of its own.
#ifndef DOWNPOUR_CLI_STATUS_FAKE_CLUSTER_H_
#define DOWNPOUR_CLI_STATUS_FAKE_CLUSTER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/status/example_cluster.h"
#include "cli/status/fake_task.h"

namespace downpour {

// It has run for 100 s when it is made, and goes on as time does. Every task names all others.
class FakeCluster {
 public:
  explicit FakeCluster(ExampleCluster example);

  // An example whose tasks are on no named machine: loopback addresses of other machines are not asked.
  static ExampleCluster Local(size_t servers, size_t workers);

  FakeTask& server(size_t i) { return *tasks_[i]; }
  FakeTask& worker(size_t i) { return *tasks_[example_.servers.size() + i]; }
  const std::string& address() const { return tasks_[0]->address(); }
  // Change it while nobody asks.
  ExampleCluster& example() { return example_; }

 private:
  double Now() const { return 100 + absl::ToDoubleSeconds(absl::Now() - began_); }
  wire::StatusReport WithTasks(wire::StatusReport report) const;

  ExampleCluster example_;
  const absl::Time began_ = absl::Now();
  std::vector<std::unique_ptr<FakeTask>> tasks_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_FAKE_CLUSTER_H_
