#ifndef DOWNPOUR_SERVER_SERVICE_GRPC_HEALTH_H_
#define DOWNPOUR_SERVER_SERVICE_GRPC_HEALTH_H_

#include <memory>
#include <set>
#include <string>

#include "common/base/mutex.h"
#include "server/service/grpc_call.h"

namespace downpour {

// Whether the server serves, and the calls of grpc.health.v1.Health that ask. gRPC's own health service would bring
// threads that poll every connection, away from the core that works on it. Thread-safe.
class GrpcHealth {
 public:
  void SetServing(bool serving);
  // Watching calls end; new ones are answered once.
  void Stop();
  bool serving() const;

  // The handler of a call; null for a method that the service does not have.
  std::unique_ptr<CallHandler> MakeCall(const std::string& method, GrpcCall* call);

 private:
  friend class HealthCheck;
  friend class HealthWatch;

  mutable Mutex mutex_;
  bool serving_ DP_GUARDED_BY(mutex_) = false;
  bool stopped_ DP_GUARDED_BY(mutex_) = false;
  std::set<GrpcCall*> watching_ DP_GUARDED_BY(mutex_);
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_GRPC_HEALTH_H_
