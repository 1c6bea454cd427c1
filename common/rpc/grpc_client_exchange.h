#ifndef DOWNPOUR_COMMON_RPC_GRPC_CLIENT_EXCHANGE_H_
#define DOWNPOUR_COMMON_RPC_GRPC_CLIENT_EXCHANGE_H_

#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/rpc/exchange.h"
#include "common/rpc/grpc_carrier.h"
#include "common/rpc/payload_channel.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"

namespace downpour {

// One stream of a client, with its connection, its completion queue and the thread that turns it. At most one write and
// one read are outstanding.
class GrpcClientExchange final : public ExchangeLink {
 public:
  GrpcClientExchange(const GrpcCarrierOptions& options, std::shared_ptr<ClientEnd> end);
  GrpcClientExchange(const GrpcClientExchange&) = delete;
  GrpcClientExchange& operator=(const GrpcClientExchange&) = delete;

  // Once. The thread holds a share of the exchange until the end has been told that it is over.
  static void Start(const std::shared_ptr<GrpcClientExchange>& exchange);

  void Wake() override;
  void Finish(absl::Status status) override;

  // The thread has nothing more to do with the end; joining it does not take long.
  bool over() const { return over_.load(std::memory_order_acquire); }
  void Join() { thread_.join(); }

 private:
  enum Tag : intptr_t { kStarted, kRead, kWritten, kHalfClosed, kFinished };

  void Run();
  bool Open() DP_REQUIRES(turn_);
  void OnEvent(Tag tag, bool ok) DP_REQUIRES(turn_);
  void OnRead(bool ok) DP_REQUIRES(turn_);
  // Writes until there is a write outstanding or nothing to write.
  void Pump() DP_REQUIRES(turn_);
  void Write(SlicedClientMessage message) DP_REQUIRES(turn_);
  void BeginRead() DP_REQUIRES(turn_);
  // The stream goes no further, for this reason unless there was one before.
  void GiveUp(const absl::Status& why) DP_REQUIRES(turn_);
  // Whoever had the turn has given it back: does what was asked for meanwhile.
  void PumpIfWanted();

  const GrpcCarrierOptions options_;
  grpc::CompletionQueue queue_;
  std::thread thread_;
  std::atomic<bool> over_{false};

  // Somebody wants Next() to be asked; who has the turn looks at it after giving it back.
  std::atomic<bool> wanted_{false};

  Mutex finish_mutex_;  // innermost
  std::optional<absl::Status> asked_to_finish_ DP_GUARDED_BY(finish_mutex_);

  // The turn to call the end and the stream.
  Mutex turn_;
  std::shared_ptr<ClientEnd> end_ DP_GUARDED_BY(turn_);
  std::shared_ptr<grpc::Channel> channel_ DP_GUARDED_BY(turn_);
  std::unique_ptr<grpc::GenericStub> stub_ DP_GUARDED_BY(turn_);
  std::unique_ptr<ClientPayloadChannel> payloads_ DP_GUARDED_BY(turn_);
  std::unique_ptr<grpc::ClientContext> context_ DP_GUARDED_BY(turn_);  // null: the exchange is over
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_ DP_GUARDED_BY(turn_);
  grpc::ByteBuffer received_ DP_GUARDED_BY(turn_);
  grpc::Status status_ DP_GUARDED_BY(turn_);
  absl::Status given_up_ DP_GUARDED_BY(turn_);
  int outstanding_ DP_GUARDED_BY(turn_) = 0;
  bool open_ DP_GUARDED_BY(turn_) = false;  // messages may be written
  bool writing_ DP_GUARDED_BY(turn_) = false;
  bool half_closed_ DP_GUARDED_BY(turn_) = false;
  bool finishing_ DP_GUARDED_BY(turn_) = false;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_GRPC_CLIENT_EXCHANGE_H_
