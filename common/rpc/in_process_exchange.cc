#include "common/rpc/in_process_exchange.h"

#include <utility>
#include <vector>

namespace downpour {
namespace {

// Of this thread.
struct Driving {
  int depth = 0;
  std::vector<std::shared_ptr<InProcessExchange>> later;
};
thread_local Driving driving;

}  // namespace

DrivingScope::DrivingScope() { ++driving.depth; }

DrivingScope::~DrivingScope() {
  // Still within: what these wake is added to the list and not to the stack.
  while (driving.depth == 1 && !driving.later.empty()) {
    const std::vector<std::shared_ptr<InProcessExchange>> exchanges = std::exchange(driving.later, {});
    for (const std::shared_ptr<InProcessExchange>& exchange : exchanges) exchange->Drive();
  }
  --driving.depth;
}

void InProcessExchange::Link::Finish(absl::Status status) {
  {
    MutexLock lock(&mutex_);
    if (finished_.has_value() && !finished_->ok()) return;
    finished_ = std::move(status);
  }
  Wake();
}

std::optional<absl::Status> InProcessExchange::Link::finished() const {
  MutexLock lock(&mutex_);
  return finished_;
}

void InProcessExchange::Start(ExchangeHost* host, const ExchangeLimits& limits) {
  // Nobody else drives before the server's end is there.
  turns_.store(1, std::memory_order_relaxed);
  self_ = shared_from_this();
  absl::StatusOr<std::unique_ptr<ServerEnd>> server = host->Open({"in-process"}, limits, &server_link_);
  if (server.ok()) {
    server_ = *std::move(server);
  } else {
    server_link_.Finish(server.status());
  }
  DriveInTurn();
}

void InProcessExchange::Drive() {
  if (turns_.fetch_add(1, std::memory_order_acq_rel) == 0) DriveInTurn();
}

void InProcessExchange::DriveLater() {
  uint32_t turns = turns_.load(std::memory_order_acquire);
  while (turns != 0) {
    // Somebody drives, and will look again.
    if (turns_.compare_exchange_weak(turns, turns + 1, std::memory_order_acq_rel)) return;
  }
  if (driving.depth > 0) {
    driving.later.push_back(shared_from_this());
  } else {
    messenger_->DriveSoon(shared_from_this());
  }
}

void InProcessExchange::DriveInTurn() {
  // What ends here may be the last that holds the exchange.
  const std::shared_ptr<InProcessExchange> alive = shared_from_this();
  const DrivingScope scope;
  uint32_t seen = turns_.load(std::memory_order_acquire);
  do {
    while (!closed_ && Step()) {
    }
  } while (!turns_.compare_exchange_strong(seen, 0, std::memory_order_acq_rel));
}

// One message each way at most; false when there was nothing to do.
bool InProcessExchange::Step() {
  const std::optional<absl::Status> client_finished = client_link_.finished();
  const std::optional<absl::Status> server_finished = server_link_.finished();
  if (client_finished.has_value() && !client_finished->ok()) return Close(*client_finished);

  bool progress = false;
  SlicedClientMessage asked;
  if (server_ != nullptr && !received_last_ && client_->Next(&asked)) {
    server_->Receive(std::move(asked));
    progress = true;
  }
  SlicedServerMessage answered;
  if (server_ != nullptr && server_->Next(&answered)) {
    client_->Receive(std::move(answered));
    progress = true;
  }
  if (progress) return true;
  if (server_finished.has_value()) return Close(*server_finished);
  if (client_finished.has_value() && !received_last_) {
    received_last_ = true;
    server_->ReceivedLast();
    return true;
  }
  return false;
}

bool InProcessExchange::Close(const absl::Status& status) {
  closed_ = true;
  if (server_ != nullptr) server_->Closed(status);
  server_.reset();
  client_->Closed(status);
  client_.reset();
  self_.reset();
  return false;
}

}  // namespace downpour
