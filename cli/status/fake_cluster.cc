#include "cli/status/fake_cluster.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace downpour {

FakeCluster::FakeCluster(ExampleCluster example) : example_(std::move(example)) {
  for (size_t i = 0; i < example_.servers.size() + example_.workers.size(); ++i) {
    tasks_.push_back(std::make_unique<FakeTask>());
  }
  for (uint32_t i = 0; i < example_.servers.size(); ++i) {
    server(i).report = [this, i](const wire::StatusRequest&) { return WithTasks(example_.ServerReport(i, Now())); };
  }
  for (uint32_t i = 0; i < example_.workers.size(); ++i) {
    worker(i).report = [this, i](const wire::StatusRequest&) { return WithTasks(example_.WorkerReport(i, Now())); };
  }
}

ExampleCluster FakeCluster::Local(size_t servers, size_t workers) {
  ExampleCluster example = ExampleCluster::Of(servers, workers);
  for (ExampleWorker& worker : example.workers) worker.host.clear();
  return example;
}

wire::StatusReport FakeCluster::WithTasks(wire::StatusReport report) const {
  for (size_t i = 0; i < tasks_.size(); ++i) {
    const bool is_server = i < example_.servers.size();
    wire::TaskAddress* const task = report.add_tasks();
    task->set_task(absl::StrCat(is_server ? "server/" : "worker/", is_server ? i : i - example_.servers.size()));
    task->set_address(tasks_[i]->address());
  }
  return report;
}

}  // namespace downpour
