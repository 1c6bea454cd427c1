// The calls of proto/control.proto, wherever the server is: implemented by a server for those in its process, and by a
// gRPC stub for the others.
#ifndef DOWNPOUR_COMMON_RPC_CONTROL_H_
#define DOWNPOUR_COMMON_RPC_CONTROL_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/control.pb.h"

namespace downpour {

// Each call waits for its answer for at most `timeout`, then DEADLINE_EXCEEDED; each may be made again. Thread-safe.
class Control {
 public:
  virtual ~Control() = default;

  virtual absl::StatusOr<wire::CreateJobResponse> CreateJob(const wire::CreateJobRequest& request,
                                                            absl::Duration timeout) = 0;
  virtual absl::StatusOr<wire::JoinResponse> Join(const wire::JoinRequest& request, absl::Duration timeout) = 0;
  virtual absl::StatusOr<wire::LeaveResponse> Leave(const wire::LeaveRequest& request, absl::Duration timeout) = 0;
  virtual absl::StatusOr<wire::HeartbeatResponse> Heartbeat(const wire::HeartbeatRequest& request,
                                                            absl::Duration timeout) = 0;
  virtual absl::StatusOr<wire::TakeWorkResponse> TakeWork(const wire::TakeWorkRequest& request,
                                                          absl::Duration timeout) = 0;
  virtual absl::StatusOr<wire::ReportWorkResponse> ReportWork(const wire::ReportWorkRequest& request,
                                                              absl::Duration timeout) = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_CONTROL_H_
