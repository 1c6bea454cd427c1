#include <memory>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/rpc/shared_memory/channels.h"
#include "common/rpc/shared_memory/handover.h"
#include "common/rpc/shared_memory/host_identity.h"

namespace downpour {
namespace {

// A server answers within a millisecond or two, if it answers at all.
constexpr absl::Duration kHandoverTimeout = absl::Milliseconds(500);

class ClientChannel : public ClientPayloadChannel {
 public:
  explicit ClientChannel(const std::string& host_identity) : host_identity_(host_identity) {}

  absl::Status Detach(SlicedClientMessage* message) override {
    if (message->rest.has_hello()) message->rest.mutable_hello()->set_host_identity(host_identity_);
    if (const std::shared_ptr<SharedPayloadWriter> writer = this->writer()) writer->Detach(message);
    return absl::OkStatus();
  }

  absl::Status Attach(SlicedServerMessage* message) override {
    if (message->rest.hello().has_shared_memory()) {
      TakeUp(message->rest.hello().shared_memory());
      message->rest.mutable_hello()->clear_shared_memory();
    }
    return reader_ ? reader_->Attach(message) : RefuseSharedPayloads(*message);
  }

 private:
  void TakeUp(const wire::SharedMemoryOffer& offer) {
    if (reader_) return;  // a server says hello once
    const absl::Status status = Fetch(offer);
    if (!status.ok()) DP_LOG(INFO) << status.message() << "; payloads to this server travel by gRPC";
  }

  absl::Status Fetch(const wire::SharedMemoryOffer& offer) {
    DP_ASSIGN_OR_RETURN(HandoverReceiver receiver,
                        HandoverReceiver::Fetch(offer.socket_name(), offer.nonce(), kHandoverTimeout));
    DP_RETURN_IF_ERROR(receiver.segment()->MakeReadOnly(Direction::kToClient));
    // The server sends nothing by it before it has heard of us.
    DP_RETURN_IF_ERROR(receiver.SayMapped());
    reader_.emplace(RingReader(receiver.segment(), Direction::kToClient));
    MutexLock lock(&mutex_);
    writer_ = std::make_shared<SharedPayloadWriter>(RingWriter(receiver.segment(), Direction::kToServer));
    return absl::OkStatus();
  }

  std::shared_ptr<SharedPayloadWriter> writer() {
    MutexLock lock(&mutex_);
    return writer_;
  }

  const std::string host_identity_;
  std::optional<SharedPayloadReader> reader_;  // Attach's alone
  Mutex mutex_;
  std::shared_ptr<SharedPayloadWriter> writer_ DP_GUARDED_BY(mutex_);
};

}  // namespace

SharedMemoryClientChannels::SharedMemoryClientChannels() : SharedMemoryClientChannels(HostIdentity()) {}

SharedMemoryClientChannels::SharedMemoryClientChannels(std::string host_identity)
    : host_identity_(std::move(host_identity)) {}

std::unique_ptr<ClientPayloadChannel> SharedMemoryClientChannels::Open(StreamMetadata*) {
  // Without an identity nothing is ever offered, but what is not there must still be refused.
  return std::make_unique<ClientChannel>(host_identity_);
}

}  // namespace downpour
