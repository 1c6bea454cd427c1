#include "common/rpc/in_process_carrier.h"

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "common/base/mutex.h"

namespace downpour {
namespace {

// Both ends, and the turn to drive them.
class Exchange final : public std::enable_shared_from_this<Exchange> {
 public:
  explicit Exchange(std::shared_ptr<ClientEnd> client) : client_(std::move(client)) {}

  void Start(ExchangeHost* host, const ExchangeLimits& limits) {
    // Nobody else drives before the server's end is there.
    turns_.store(1, std::memory_order_relaxed);
    self_ = shared_from_this();
    absl::StatusOr<std::unique_ptr<ServerEnd>> server =
        host->Open({"in-process"}, limits, std::shared_ptr<ExchangeLink>(self_, &server_link_));
    if (server.ok()) {
      server_ = *std::move(server);
    } else {
      server_link_.Finish(server.status());
    }
    DriveInTurn();
  }

  ExchangeLink* client_link() { return &client_link_; }

 private:
  class Link final : public ExchangeLink {
   public:
    explicit Link(Exchange* exchange) : exchange_(exchange) {}

    void Wake() override { exchange_->Drive(); }

    void Finish(absl::Status status) override {
      {
        MutexLock lock(&mutex_);
        if (finished_.has_value() && !finished_->ok()) return;
        finished_ = std::move(status);
      }
      exchange_->Drive();
    }

    std::optional<absl::Status> finished() const {
      MutexLock lock(&mutex_);
      return finished_;
    }

   private:
    Exchange* const exchange_;
    mutable Mutex mutex_;
    std::optional<absl::Status> finished_ DP_GUARDED_BY(mutex_);
  };

  // Drives both ends, unless a thread is at it, perhaps this one further up: that goes on for us.
  void Drive() {
    if (turns_.fetch_add(1, std::memory_order_acq_rel) == 0) DriveInTurn();
  }

  void DriveInTurn() {
    // What ends here may be the last that holds the exchange.
    const std::shared_ptr<Exchange> alive = shared_from_this();
    uint32_t seen = turns_.load(std::memory_order_acquire);
    do {
      while (!closed_ && Step()) {
      }
    } while (!turns_.compare_exchange_strong(seen, 0, std::memory_order_acq_rel));
  }

  // One message each way at most; false when there was nothing to do.
  bool Step() {
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

  bool Close(const absl::Status& status) {
    closed_ = true;
    if (server_ != nullptr) server_->Closed(status);
    server_.reset();
    client_->Closed(status);
    client_.reset();
    self_.reset();
    return false;
  }

  Link client_link_{this};
  Link server_link_{this};
  // How often somebody has asked for driving since the one who drives has looked; 0: nobody drives. What follows is
  // that one's alone.
  std::atomic<uint32_t> turns_{0};
  std::shared_ptr<ClientEnd> client_;
  std::unique_ptr<ServerEnd> server_;
  std::shared_ptr<Exchange> self_;  // until it is closed
  bool received_last_ = false;
  bool closed_ = false;
};

}  // namespace

ExchangeLimits InProcessCarrier::limits() const {
  // There is nothing to cut for.
  constexpr size_t kUnlimited = std::numeric_limits<size_t>::max();
  return {kUnlimited, kUnlimited};
}

std::shared_ptr<ExchangeLink> InProcessCarrier::Connect(std::shared_ptr<ClientEnd> end) {
  auto exchange = std::make_shared<Exchange>(std::move(end));
  std::shared_ptr<ExchangeLink> link(exchange, exchange->client_link());
  exchange->Start(host_, limits());
  return link;
}

}  // namespace downpour
