#ifndef DOWNPOUR_WORKER_STATUS_STATUS_SERVER_H_
#define DOWNPOUR_WORKER_STATUS_STATUS_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/security/options.h"
#include "proto/status.pb.h"

namespace downpour {

// The service Status of proto/status.proto (and gRPC's health service) for a process that serves nothing else. Few
// callers at a time are meant; those beyond wait.
class StatusServer {
 public:
  struct Options {
    std::string listen = "127.0.0.1:0";
    // Of this process. Where it has no certificate it speaks plaintext, which only a loopback address may have unless
    // insecure_allow_plaintext says otherwise.
    SecurityOptions security;
    // Answers from memory; any thread, several at once.
    std::function<wire::StatusReport(const wire::StatusRequest&)> describe;
  };

  // UNAVAILABLE where the port is taken or the address is not of this machine; FAILED_PRECONDITION for plaintext where
  // it is not allowed.
  static absl::StatusOr<std::unique_ptr<StatusServer>> Start(Options options);
  virtual ~StatusServer() = default;

  virtual int port() const = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_STATUS_STATUS_SERVER_H_
