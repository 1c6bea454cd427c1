#ifndef DOWNPOUR_SERVER_SERVICE_MAILBOX_H_
#define DOWNPOUR_SERVER_SERVICE_MAILBOX_H_

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/rpc/exchange.h"
#include "common/sharding/shard_map.h"
#include "server/shard/shard.h"

namespace downpour {

// What other threads have for a session: answers that came due while other workers were served, and the word to end.
// Lives as long as anybody may write to it, which may be longer than its session. Thread-safe.
class Mailbox {
 public:
  // `peer`: the address of the other end, for people.
  Mailbox(ExchangeLink* link, std::string peer) : peer_(std::move(peer)), link_(link) {}

  const std::string& peer() const { return peer_; }

  struct Mail {
    std::vector<std::pair<ShardId, PushCompletion>> pushes;
    std::vector<std::pair<ShardId, PullCompletion>> pulls;
    absl::Status end;    // not OK: end the exchange with this, at once
    bool drain = false;  // answer what is being answered, then end
  };

  // ---- For others
  void Deliver(ShardId shard, PushCompletion completion);
  void Deliver(ShardId shard, PullCompletion completion);
  void End(absl::Status status);
  void Drain();
  // After this nothing that was delivered needs to be looked at, and the link is not touched any more.
  void Close();
  // To be said after deliveries.
  void Wake();

  // ---- For the session
  bool empty() const { return !has_mail_.load(std::memory_order_acquire); }
  Mail Take();

 private:
  const std::string peer_;

  Mutex mutex_;
  Mail mail_ DP_GUARDED_BY(mutex_);
  bool closed_ DP_GUARDED_BY(mutex_) = false;
  std::atomic<bool> has_mail_{false};

  Mutex link_mutex_;  // apart, so that a link may look into the box while it is being woken
  ExchangeLink* link_ DP_GUARDED_BY(link_mutex_);
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_MAILBOX_H_
