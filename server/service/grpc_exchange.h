#ifndef DOWNPOUR_SERVER_SERVICE_GRPC_EXCHANGE_H_
#define DOWNPOUR_SERVER_SERVICE_GRPC_EXCHANGE_H_

#include <memory>
#include <optional>

#include "common/base/mutex.h"
#include "common/rpc/exchange.h"
#include "common/rpc/payload_channel.h"
#include "server/service/grpc_call.h"

namespace downpour {

// DataPlane.Exchange: carries the messages of a ServerEnd over a gRPC stream, as the slices that gRPC received and as
// slices that refer to the store. One message is written at a time, so what is asked for while it is being written is
// put together, and nothing piles up before a client that reads slowly.
class GrpcExchange final : public CallHandler, private ExchangeLink {
 public:
  // `channels` may be null.
  GrpcExchange(GrpcCall* call, ExchangeHost* host, ServerPayloadChannels* channels)
      : call_(call), host_(host), channels_(channels) {}

  void Begin() override;
  void OnRead(grpc::ByteBuffer message) override;
  void OnReadEnd() override;
  void OnWritten(bool ok) override;
  void OnWake() override { Pump(); }
  void OnOver(bool cancelled) override;

 private:
  void Wake() override { call_->Wake(); }
  void Finish(absl::Status status) override;

  std::optional<absl::Status> finish_asked() const;
  absl::Status OpenEnd();
  absl::Status ReceiveMessage(const grpc::ByteBuffer& message);
  absl::StatusOr<grpc::ByteBuffer> Encode(SlicedServerMessage* message);
  void Pump();

  GrpcCall* const call_;
  ExchangeHost* const host_;
  ServerPayloadChannels* const channels_;
  std::unique_ptr<ServerPayloadChannel> channel_;  // null: payloads go by the stream
  std::unique_ptr<ServerEnd> end_;
  bool writing_ = false;
  bool broken_ = false;     // a write has failed: the stream is gone
  bool finishing_ = false;  // told to gRPC

  mutable Mutex mutex_;
  std::optional<absl::Status> finish_ DP_GUARDED_BY(mutex_);
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_GRPC_EXCHANGE_H_
