#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/rpc/shared_memory/channels.h"
#include "common/rpc/shared_memory/handover.h"
#include "common/rpc/shared_memory/host_identity.h"

namespace downpour {
namespace {

// The memory of one stream, which its channel and the listener's thread know.
class StreamMemory : public HandoverOffer {
 public:
  StreamMemory(const SegmentShape& shape, std::shared_ptr<MemoryBudget> budget)
      : shape_(shape), budget_(std::move(budget)) {}

  absl::StatusOr<Memory> Make() override {
    DP_ASSIGN_OR_RETURN(Segment::New made, budget_->Make(shape_));
    DP_RETURN_IF_ERROR(made.segment->MakeReadOnly(Direction::kToServer));
    MutexLock lock(&mutex_);
    // Before the client has the memory: its payloads may be faster than its word that it has.
    reader_ = std::make_shared<SharedPayloadReader>(RingReader(made.segment, Direction::kToServer));
    segment_ = std::move(made.segment);
    return Memory{shape_, std::move(made.fd)};
  }

  void Taken() override {
    MutexLock lock(&mutex_);
    writer_ = std::make_shared<SharedPayloadWriter>(RingWriter(segment_, Direction::kToClient));
  }

  // Null before there are any.
  std::shared_ptr<SharedPayloadReader> reader() {
    MutexLock lock(&mutex_);
    return reader_;
  }
  std::shared_ptr<SharedPayloadWriter> writer() {
    MutexLock lock(&mutex_);
    return writer_;
  }

 private:
  const SegmentShape shape_;
  const std::shared_ptr<MemoryBudget> budget_;
  Mutex mutex_;
  std::shared_ptr<Segment> segment_ DP_GUARDED_BY(mutex_);
  std::shared_ptr<SharedPayloadReader> reader_ DP_GUARDED_BY(mutex_);
  std::shared_ptr<SharedPayloadWriter> writer_ DP_GUARDED_BY(mutex_);
};

class ServerChannel : public ServerPayloadChannel {
 public:
  ServerChannel(std::string host_identity, const SegmentShape& shape, std::shared_ptr<MemoryBudget> budget,
                HandoverListener* listener)
      : host_identity_(std::move(host_identity)),
        ring_bytes_(uint64_t{shape.slot_count} * shape.slot_bytes),
        memory_(std::make_shared<StreamMemory>(shape, std::move(budget))),
        listener_(*listener) {}

  ~ServerChannel() override {
    MutexLock lock(&mutex_);
    if (!nonce_.empty()) listener_.Withdraw(nonce_);
  }

  absl::Status Detach(SlicedServerMessage* message) override {
    if (message->rest.has_hello()) OfferIn(message->rest.mutable_hello());
    if (const std::shared_ptr<SharedPayloadWriter> writer = memory_->writer()) writer->Detach(message);
    return absl::OkStatus();
  }

  absl::Status Attach(SlicedClientMessage* message) override {
    if (message->rest.has_hello()) {
      const std::string& identity = message->rest.hello().host_identity();
      MutexLock lock(&mutex_);
      on_this_machine_ = !identity.empty() && identity == host_identity_;
    }
    const std::shared_ptr<SharedPayloadReader> reader = memory_->reader();
    return reader != nullptr ? reader->Attach(message) : RefuseSharedPayloads(*message);
  }

  uint64_t bytes_in_flight_raised() const override { return ring_bytes_; }

 private:
  void OfferIn(wire::ServerHello* hello) {
    MutexLock lock(&mutex_);
    if (!on_this_machine_ || !nonce_.empty()) return;
    nonce_ = listener_.Offer(memory_);
    if (nonce_.empty()) return;
    hello->mutable_shared_memory()->set_socket_name(listener_.name());
    hello->mutable_shared_memory()->set_nonce(nonce_);
    // What lies in the ring is bounded by the ring. With less it would not be used whole.
    hello->set_bytes_in_flight_max(std::max(hello->bytes_in_flight_max(), ring_bytes_));
  }

  const std::string host_identity_;
  const uint64_t ring_bytes_;  // of one direction
  const std::shared_ptr<StreamMemory> memory_;
  HandoverListener& listener_;
  Mutex mutex_;
  bool on_this_machine_ DP_GUARDED_BY(mutex_) = false;  // the client is
  std::string nonce_ DP_GUARDED_BY(mutex_);             // of the offer, if one was made
};

}  // namespace

absl::StatusOr<std::unique_ptr<SharedMemoryServerChannels>> SharedMemoryServerChannels::Start(
    const SharedMemoryServerOptions& options) {
  DP_RETURN_IF_ERROR(CheckShape(options.shape));
  DP_ASSIGN_OR_RETURN(std::unique_ptr<HandoverListener> listener, HandoverListener::Start(geteuid()));
  return std::unique_ptr<SharedMemoryServerChannels>(new SharedMemoryServerChannels(options, std::move(listener)));
}

SharedMemoryServerChannels::SharedMemoryServerChannels(const SharedMemoryServerOptions& options,
                                                       std::unique_ptr<HandoverListener> listener)
    : shape_(options.shape),
      host_identity_(HostIdentity()),
      budget_(std::make_shared<MemoryBudget>(options.bytes_max)),
      listener_(std::move(listener)) {}

SharedMemoryServerChannels::~SharedMemoryServerChannels() = default;

absl::StatusOr<std::unique_ptr<ServerPayloadChannel>> SharedMemoryServerChannels::Accept(const StreamMetadata&) {
  return std::make_unique<ServerChannel>(host_identity_, shape_, budget_, listener_.get());
}

size_t SharedMemoryServerChannels::bytes_in_use() const { return budget_->bytes_in_use(); }

}  // namespace downpour
