// How a server hands shared memory to a worker on its machine: by descriptor, over a Unix socket with a random abstract
// name, which no file and no permission stands for. Each side looks at the other's user id, as the kernel says it, and
// the worker shows a nonce that it can only have from its stream with this server.
//
//   worker                                    server
//     | <--- stream: name, nonce ---------------|   HandoverListener::Offer
//     | ---- socket: nonce -------------------> |   HandoverOffer::Make
//     | <--- socket: shape, descriptor -------- |
//     | ---- socket: mapped ------------------> |   HandoverOffer::Taken
#ifndef DOWNPOUR_COMMON_RPC_SHARED_MEMORY_HANDOVER_H_
#define DOWNPOUR_COMMON_RPC_SHARED_MEMORY_HANDOVER_H_

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/rpc/shared_memory/owned_fd.h"
#include "common/rpc/shared_memory/segment.h"

namespace downpour {

// What is done for the one who comes with a nonce. Called on the listener's thread, which serves one worker at a time.
class HandoverOffer {
 public:
  struct Memory {
    SegmentShape shape;
    OwnedFd fd;
  };

  virtual ~HandoverOffer() = default;

  // The worker is there: the memory for it. An error sends it away.
  virtual absl::StatusOr<Memory> Make() = 0;

  // The worker has mapped the memory.
  virtual void Taken() = 0;
};

// The server's end: a thread that answers on the socket. Thread-safe.
class HandoverListener {
 public:
  // UNAVAILABLE where there can be no such socket. Serves processes of `user` only.
  static absl::StatusOr<std::unique_ptr<HandoverListener>> Start(uid_t user);
  ~HandoverListener();

  // Of the socket, without the zero byte before it.
  const std::string& name() const { return name_; }

  // From now on who shows the nonce returned gets what `offer` makes: once, and as long as the offer lives. Empty where
  // the system has no random bytes.
  std::string Offer(std::weak_ptr<HandoverOffer> offer);

  // Forgets an offer.
  void Withdraw(const std::string& nonce);

 private:
  HandoverListener(OwnedFd socket, OwnedFd stop, std::string name, uid_t user);
  void Run();
  absl::Status Serve(const OwnedFd& connection);

  const OwnedFd socket_;
  const OwnedFd stop_;  // an eventfd
  const std::string name_;
  const uid_t user_;
  Mutex mutex_;
  std::map<std::string, std::weak_ptr<HandoverOffer>> offers_ DP_GUARDED_BY(mutex_);
  std::thread thread_;
};

// The worker's end. Get it, be ready to read from it, say so.
class HandoverReceiver {
 public:
  // Fetches the memory from a server of this user. Waits for up to `timeout`. UNAVAILABLE where there is none to be
  // had, INVALID_ARGUMENT where what came is no such memory.
  static absl::StatusOr<HandoverReceiver> Fetch(std::string_view name, std::string_view nonce, absl::Duration timeout);

  const std::shared_ptr<Segment>& segment() const { return segment_; }

  // From now on the server may send payloads in it.
  absl::Status SayMapped();

 private:
  HandoverReceiver() = default;

  OwnedFd socket_;
  std::shared_ptr<Segment> segment_;
};

inline constexpr size_t kHandoverNonceBytes = 16;

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_SHARED_MEMORY_HANDOVER_H_
