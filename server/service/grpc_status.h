#ifndef DOWNPOUR_SERVER_SERVICE_GRPC_STATUS_H_
#define DOWNPOUR_SERVER_SERVICE_GRPC_STATUS_H_

#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/rpc/status_source.h"
#include "server/service/grpc_call.h"

namespace downpour {

// The services Status and Admin of proto/status.proto over a StatusSource. Thread-safe.
class GrpcStatus {
 public:
  // `source` outlives it.
  explicit GrpcStatus(StatusSource* source) : source_(source) {}
  ~GrpcStatus() { Stop(); }

  // The handler of a call; null for a method that these services do not have.
  std::unique_ptr<CallHandler> MakeCall(const std::string& method, GrpcCall* call);

  // Ends every Watch. Idempotent.
  void Stop();

 private:
  friend class StatusWatch;

  // `call` is woken every `period` from now on, until Remove.
  void Add(GrpcCall* call, absl::Duration period);
  void Remove(GrpcCall* call);
  void WakeThemInTime();
  bool stopping() const;

  struct Watcher {
    absl::Duration period;
    absl::Duration due;
  };

  StatusSource* const source_;
  mutable Mutex mutex_;
  CondVar changed_;
  bool stopping_ DP_GUARDED_BY(mutex_) = false;
  std::map<GrpcCall*, Watcher> watchers_ DP_GUARDED_BY(mutex_);
  std::thread waker_ DP_GUARDED_BY(mutex_);  // runs from the first Watch on
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_GRPC_STATUS_H_
