#ifndef DOWNPOUR_SERVER_SERVICE_GRPC_EXCHANGE_H_
#define DOWNPOUR_SERVER_SERVICE_GRPC_EXCHANGE_H_

#include <memory>
#include <optional>

#include "common/base/mutex.h"
#include "common/rpc/exchange.h"
#include "server/service/grpc_call.h"

namespace downpour {

// DataPlane.Exchange: carries the messages of a ServerEnd over a gRPC stream, as the slices that gRPC received and as
// slices that refer to the store. One message is written at a time, so what is asked for while it is being written is
// put together, and nothing piles up before a client that reads slowly.
class GrpcExchange final : public CallHandler, private ExchangeLink {
 public:
  GrpcExchange(GrpcCall* call, ExchangeHost* host) : call_(call), host_(host) {}

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
  void Pump();

  GrpcCall* const call_;
  ExchangeHost* const host_;
  std::unique_ptr<ServerEnd> end_;
  bool writing_ = false;
  bool broken_ = false;     // a write has failed: the stream is gone
  bool finishing_ = false;  // told to gRPC

  mutable Mutex mutex_;
  std::optional<absl::Status> finish_ DP_GUARDED_BY(mutex_);
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_GRPC_EXCHANGE_H_
