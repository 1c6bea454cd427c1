#include "common/rpc/in_process_carrier.h"

#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/rpc/in_process_exchange.h"

namespace downpour {
namespace {

// Calls of a server that make answers due for others: brought to them when the call is over.
class DrivingControl final : public Control {
 public:
  explicit DrivingControl(Control* control) : control_(control) {}

  absl::StatusOr<wire::CreateJobResponse> CreateJob(const wire::CreateJobRequest& request,
                                                    absl::Duration timeout) override {
    const DrivingScope scope;
    return control_->CreateJob(request, timeout);
  }
  absl::StatusOr<wire::JoinResponse> Join(const wire::JoinRequest& request, absl::Duration timeout) override {
    const DrivingScope scope;
    return control_->Join(request, timeout);
  }
  absl::StatusOr<wire::LeaveResponse> Leave(const wire::LeaveRequest& request, absl::Duration timeout) override {
    const DrivingScope scope;
    return control_->Leave(request, timeout);
  }
  absl::StatusOr<wire::HeartbeatResponse> Heartbeat(const wire::HeartbeatRequest& request,
                                                    absl::Duration timeout) override {
    const DrivingScope scope;
    return control_->Heartbeat(request, timeout);
  }
  absl::StatusOr<wire::TakeWorkResponse> TakeWork(const wire::TakeWorkRequest& request,
                                                  absl::Duration timeout) override {
    return control_->TakeWork(request, timeout);
  }
  absl::StatusOr<wire::ReportWorkResponse> ReportWork(const wire::ReportWorkRequest& request,
                                                      absl::Duration timeout) override {
    return control_->ReportWork(request, timeout);
  }

 private:
  Control* const control_;
};

}  // namespace

// Drives exchanges for threads that may not.
class InProcessCarrier::Messenger final : public ExchangeMessenger {
 public:
  ~Messenger() {
    {
      MutexLock lock(&mutex_);
      ending_ = true;
      wake_.SignalAll();
    }
    if (thread_.joinable()) thread_.join();
  }

  void DriveSoon(std::shared_ptr<InProcessExchange> exchange) override {
    MutexLock lock(&mutex_);
    if (ending_) return;
    if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
    waiting_.push_back(std::move(exchange));
    wake_.SignalAll();
  }

 private:
  void Run() {
    while (true) {
      std::vector<std::shared_ptr<InProcessExchange>> exchanges;
      {
        MutexLock lock(&mutex_);
        while (!ending_ && waiting_.empty()) wake_.Wait(&mutex_);
        if (waiting_.empty()) return;
        exchanges.swap(waiting_);
      }
      for (const std::shared_ptr<InProcessExchange>& exchange : exchanges) exchange->Drive();
    }
  }

  Mutex mutex_;
  CondVar wake_;
  bool ending_ DP_GUARDED_BY(mutex_) = false;
  std::vector<std::shared_ptr<InProcessExchange>> waiting_ DP_GUARDED_BY(mutex_);
  std::thread thread_ DP_GUARDED_BY(mutex_);
};

InProcessCarrier::InProcessCarrier(ExchangeHost* host, Control* control)
    : host_(host), control_(std::make_unique<DrivingControl>(control)), messenger_(std::make_unique<Messenger>()) {}

InProcessCarrier::~InProcessCarrier() = default;

ExchangeLimits InProcessCarrier::limits() const {
  // There is nothing to cut for.
  ExchangeLimits limits;
  limits.piece_bytes = std::numeric_limits<size_t>::max();
  limits.coalesced_bytes = std::numeric_limits<size_t>::max();
  return limits;
}

std::shared_ptr<ExchangeLink> InProcessCarrier::Connect(std::shared_ptr<ClientEnd> end) {
  auto exchange = std::make_shared<InProcessExchange>(std::move(end), messenger_.get());
  std::shared_ptr<ExchangeLink> link(exchange, exchange->client_link());
  exchange->Start(host_, limits());
  return link;
}

}  // namespace downpour
