// A task that answers Status and Admin as a test wants it.
#ifndef DOWNPOUR_CLI_STATUS_FAKE_TASK_H_
#define DOWNPOUR_CLI_STATUS_FAKE_TASK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "grpcpp/server.h"
#include "grpcpp/support/status.h"
#include "proto/status.grpc.pb.h"

namespace downpour {

// Listens at 127.0.0.1. Set what it answers with before others ask.
class FakeTask {
 public:
  // `port` 0: any.
  explicit FakeTask(int port = 0);
  ~FakeTask();

  const std::string& address() const { return address_; }

  // What it answers; the request tells which. Null: an empty report.
  std::function<wire::StatusReport(const wire::StatusRequest&)> report;
  grpc::Status status;                          // not OK: instead of a report
  absl::Duration delay = absl::ZeroDuration();  // before each answer
  grpc::Status admin_status;                    // not OK: instead of doing what Admin asks for

  // What Admin was asked for, in order: "stop WHY", "stop evaluate WHY", "drain 3", "shutdown".
  std::vector<std::string> Asked() const;
  uint32_t drained_replicas = 1;
  bool was_over = false;

 private:
  class Service;
  class AdminService;
  std::unique_ptr<Service> service_;
  std::unique_ptr<AdminService> admin_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_FAKE_TASK_H_
