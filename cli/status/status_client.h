#ifndef DOWNPOUR_CLI_STATUS_STATUS_CLIENT_H_
#define DOWNPOUR_CLI_STATUS_STATUS_CLIENT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/rpc/security/options.h"
#include "grpcpp/client_context.h"
#include "grpcpp/security/credentials.h"
#include "proto/status.grpc.pb.h"

namespace downpour {

struct StatusClientOptions {
  SecurityOptions security = {};
  std::shared_ptr<grpc::ChannelCredentials> credentials = {};  // null: plaintext
  absl::Duration deadline = absl::Seconds(3);                  // of each call
};

// Calls Status and Admin of tasks. Connections are kept from call to call. Errors are written for people: who did not
// answer, why, and what to do about it. One thread at a time, but for Cancel.
class StatusClient {
 public:
  explicit StatusClient(StatusClientOptions options);
  ~StatusClient();

  struct Answer {
    std::string address = {};
    absl::Status status = absl::OkStatus();
    double round_trip_seconds = 0;
    wire::StatusReport report = {};
  };
  struct Question {
    std::string address = {};
    wire::StatusRequest request = {};
  };

  // Asks all at once. `answered` is called for each on this thread, in the order in which they answer, and may return
  // more to ask. Takes no longer than the deadline after the last one was asked.
  void AskAll(const std::vector<Question>& questions,
              const std::function<std::vector<Question>(Answer answer)>& answered);

  absl::StatusOr<wire::StopJobResponse> StopJob(const std::string& address, const wire::StopJobRequest& request);
  absl::StatusOr<wire::DrainWorkerResponse> DrainWorker(const std::string& address,
                                                        const wire::DrainWorkerRequest& request);
  absl::StatusOr<wire::ShutdownResponse> Shutdown(const std::string& address);

  // Any thread: AskAll ends soon, whatever is still open; what is asked after that is not asked any more.
  void Cancel();

  // Closes connections to others than these.
  void KeepOnly(const std::vector<std::string>& addresses);

 private:
  struct Connection {
    std::unique_ptr<wire::Status::Stub> status;
    std::unique_ptr<wire::Admin::Stub> admin;
  };
  absl::StatusOr<Connection*> Connect(const std::string& address);

  const StatusClientOptions options_;
  std::map<std::string, Connection> connections_;
  Mutex mutex_;
  bool cancelled_ DP_GUARDED_BY(mutex_) = false;
  std::set<grpc::ClientContext*> open_ DP_GUARDED_BY(mutex_);  // calls of AskAll
};

// What a call's error means, for people.
absl::Status ExplainCallError(const std::string& address, const grpc::Status& status, bool tls,
                              absl::Duration deadline);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_STATUS_CLIENT_H_
