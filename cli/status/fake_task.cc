#include "cli/status/fake_task.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/mutex.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"

namespace downpour {

class FakeTask::Service : public wire::Status::Service {
 public:
  explicit Service(FakeTask* task) : task_(task) {}

  grpc::Status Get(grpc::ServerContext* context, const wire::StatusRequest* request,
                   wire::StatusReport* response) override {
    const absl::Time end = absl::Now() + task_->delay;
    while (absl::Now() < end && !context->IsCancelled()) absl::SleepFor(absl::Milliseconds(5));
    if (!task_->status.ok()) return task_->status;
    if (task_->report) *response = task_->report(*request);
    return grpc::Status::OK;
  }

 private:
  FakeTask* const task_;
};

class FakeTask::AdminService : public wire::Admin::Service {
 public:
  explicit AdminService(FakeTask* task) : task_(task) {}

  grpc::Status StopJob(grpc::ServerContext*, const wire::StopJobRequest* request,
                       wire::StopJobResponse* response) override {
    response->set_was_over(task_->was_over);
    return Note(absl::StrCat("stop ", request->evaluate() ? "evaluate " : "", request->why()));
  }
  grpc::Status DrainWorker(grpc::ServerContext*, const wire::DrainWorkerRequest* request,
                           wire::DrainWorkerResponse* response) override {
    response->set_replicas(task_->drained_replicas);
    return Note(absl::StrCat("drain ", request->task()));
  }
  grpc::Status Shutdown(grpc::ServerContext*, const wire::ShutdownRequest*, wire::ShutdownResponse*) override {
    return Note("shutdown");
  }

  std::vector<std::string> notes() const {
    MutexLock lock(&mutex_);
    return notes_;
  }

 private:
  grpc::Status Note(std::string what) {
    MutexLock lock(&mutex_);
    notes_.push_back(std::move(what));
    return task_->admin_status;
  }

  FakeTask* const task_;
  mutable Mutex mutex_;
  std::vector<std::string> notes_ DP_GUARDED_BY(mutex_);
};

FakeTask::FakeTask(int port) : service_(std::make_unique<Service>(this)), admin_(std::make_unique<AdminService>(this)) {
  grpc::ServerBuilder builder;
  int chosen = 0;
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", port), grpc::InsecureServerCredentials(), &chosen);
  builder.RegisterService(service_.get());
  builder.RegisterService(admin_.get());
  server_ = builder.BuildAndStart();
  address_ = absl::StrCat("127.0.0.1:", chosen);
}

FakeTask::~FakeTask() { server_->Shutdown(absl::ToChronoTime(absl::Now())); }

std::vector<std::string> FakeTask::Asked() const { return admin_->notes(); }

}  // namespace downpour
