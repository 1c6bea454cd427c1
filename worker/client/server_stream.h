#ifndef DOWNPOUR_WORKER_CLIENT_SERVER_STREAM_H_
#define DOWNPOUR_WORKER_CLIENT_SERVER_STREAM_H_

#include <memory>
#include <utility>

#include "common/rpc/exchange.h"
#include "worker/client/client_core.h"

namespace downpour {

// The client's end of one exchange: brings to the core what a carrier calls. A stream that the core has given up goes
// on until its carrier has closed it; the core does not listen to it any more.
class ServerStream final : public ClientEnd {
 public:
  explicit ServerStream(std::shared_ptr<ClientCore> core) : core_(std::move(core)) {}

  void Receive(SlicedServerMessage message) override { core_->OnMessage(this, std::move(message)); }
  // The server ends the stream with a status, which says more.
  void ReceivedLast() override {}
  bool Next(SlicedClientMessage* message) override { return core_->NextMessage(this, message); }
  void Closed(const absl::Status& status) override {
    // The core goes with the last of its streams, if its owner is gone.
    const std::shared_ptr<ClientCore> core = std::move(core_);
    core->OnClosed(this, status);
  }

 private:
  std::shared_ptr<ClientCore> core_;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_CLIENT_SERVER_STREAM_H_
