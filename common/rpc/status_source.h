#ifndef DOWNPOUR_COMMON_RPC_STATUS_SOURCE_H_
#define DOWNPOUR_COMMON_RPC_STATUS_SOURCE_H_

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/status.pb.h"

namespace downpour {

// What answers the calls of proto/status.proto, without a network. Thread-safe; answers from memory.
class StatusSource {
 public:
  virtual ~StatusSource() = default;

  virtual wire::StatusReport Describe(const wire::StatusRequest& request) = 0;

  virtual absl::StatusOr<wire::StopJobResponse> StopJob(const wire::StopJobRequest& request) = 0;
  virtual absl::StatusOr<wire::DrainWorkerResponse> DrainWorker(const wire::DrainWorkerRequest& request) = 0;
  virtual absl::StatusOr<wire::ShutdownResponse> Shutdown(const wire::ShutdownRequest& request) = 0;
};

// Between two reports of a Watch.
inline absl::Duration WatchPeriod(const wire::WatchRequest& request) {
  const uint32_t period_ms = request.period_ms() == 0 ? 1000 : request.period_ms();
  return absl::Milliseconds(std::clamp<uint32_t>(period_ms, 100, 60'000));
}

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_STATUS_SOURCE_H_
