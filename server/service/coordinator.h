#ifndef DOWNPOUR_SERVER_SERVICE_COORDINATOR_H_
#define DOWNPOUR_SERVER_SERVICE_COORDINATOR_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "proto/control.pb.h"
#include "proto/status.pb.h"
#include "server/consistency/policy.h"
#include "server/membership/run_book.h"

namespace downpour {

// Hands out the work of a job (server/membership/run_book.h) by the messages of proto/control.proto, and keeps its
// time. Thread-safe. Who may ask is for the caller to check.
class Coordinator {
 public:
  // INVALID_ARGUMENT, naming the field, for a plan that makes no sense. `clock` outlives it.
  static absl::StatusOr<std::unique_ptr<Coordinator>> Create(const wire::WorkPlan& plan, const Clock* clock);

  // `workers`: how many live.
  absl::StatusOr<wire::TakeWorkResponse> Take(const wire::TakeWorkRequest& request, size_t workers);
  // All but the learning rate of the answer.
  absl::StatusOr<wire::ReportWorkResponse> Report(const wire::ReportWorkRequest& request);

  void Release(WorkerId worker, uint64_t incarnation);

  // Gives a worker's task no more work (common/cluster/task_name.h): who asks as one of its replicas is told that it
  // has finished. Until a process joins anew in place of one that was told so.
  void Drain(uint32_t task);
  bool IsDraining(uint32_t task);
  // A worker has joined and got a new incarnation.
  void Joined(WorkerId worker);

  void Describe(wire::RunStatus* run);
  // Nothing more is handed out.
  bool finished();

  // Ends the run: workers hear of it by their next report. With `evaluate` a plan's last evaluation is still made.
  void Stop(std::string why, bool evaluate);

 private:
  Coordinator(RunBook book, double seconds, const Clock* clock)
      : seconds_(seconds), clock_(*clock), book_(std::move(book)) {}

  void StopWhenTimeIsUp() DP_REQUIRES(mutex_);

  const double seconds_;  // 0: without end
  const Clock& clock_;

  Mutex mutex_;
  RunBook book_ DP_GUARDED_BY(mutex_);
  std::optional<absl::Duration> started_ DP_GUARDED_BY(mutex_);  // when work was first asked for
  std::set<uint32_t> draining_ DP_GUARDED_BY(mutex_);            // tasks
  std::set<WorkerId> drained_ DP_GUARDED_BY(mutex_);             // replicas of those, that were told so
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_COORDINATOR_H_
