#ifndef DOWNPOUR_COMMON_RPC_IN_PROCESS_EXCHANGE_H_
#define DOWNPOUR_COMMON_RPC_IN_PROCESS_EXCHANGE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/rpc/exchange.h"

namespace downpour {

class InProcessExchange;

// Drives an exchange on a thread of its own.
class ExchangeMessenger {
 public:
  virtual void DriveSoon(std::shared_ptr<InProcessExchange> exchange) = 0;

 protected:
  ~ExchangeMessenger() = default;
};

// While one exists, this thread drives ends or calls a server. Exchanges that are woken from within are driven when the
// outermost one ends.
class DrivingScope {
 public:
  DrivingScope();
  ~DrivingScope();
  DrivingScope(const DrivingScope&) = delete;
  DrivingScope& operator=(const DrivingScope&) = delete;
};

// Both ends of an exchange, and the turn to drive them. Thread-safe.
class InProcessExchange final : public std::enable_shared_from_this<InProcessExchange> {
 public:
  // `messenger` outlives the exchange.
  InProcessExchange(std::shared_ptr<ClientEnd> client, ExchangeMessenger* messenger)
      : messenger_(messenger), client_(std::move(client)) {}

  // Once.
  void Start(ExchangeHost* host, const ExchangeLimits& limits);

  // Drives both ends until neither has anything to send, unless a thread is at it, perhaps this one further up: that
  // goes on for us.
  void Drive();

  ExchangeLink* client_link() { return &client_link_; }

 private:
  class Link : public ExchangeLink {
   public:
    explicit Link(InProcessExchange* exchange) : exchange_(exchange) {}
    void Finish(absl::Status status) override;
    std::optional<absl::Status> finished() const;

   protected:
    ~Link() = default;
    InProcessExchange* const exchange_;

   private:
    mutable Mutex mutex_;
    std::optional<absl::Status> finished_ DP_GUARDED_BY(mutex_);
  };
  class ClientLink final : public Link {
   public:
    using Link::Link;
    void Wake() override { exchange_->Drive(); }
  };
  class ServerLink final : public Link {
   public:
    using Link::Link;
    void Wake() override { exchange_->DriveLater(); }
  };

  void DriveLater();
  void DriveInTurn();
  bool Step();
  bool Close(const absl::Status& status);

  ExchangeMessenger* const messenger_;
  ClientLink client_link_{this};
  ServerLink server_link_{this};

  // How often somebody has asked for driving since the one who drives has looked; 0: nobody drives. What follows is
  // that one's alone.
  std::atomic<uint32_t> turns_{0};
  std::shared_ptr<ClientEnd> client_;
  std::unique_ptr<ServerEnd> server_;
  std::shared_ptr<InProcessExchange> self_;  // until it is closed
  bool received_last_ = false;
  bool closed_ = false;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_IN_PROCESS_EXCHANGE_H_
