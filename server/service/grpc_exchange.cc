#include "server/service/grpc_exchange.h"

#include <utility>
#include <vector>

#include "common/rpc/data_plane_decoder.h"
#include "common/rpc/data_plane_encoder.h"

namespace downpour {
namespace {

// A stream that is to end, and whose client does not read what was sent before, is given up after this.
constexpr absl::Duration kPatience = absl::Seconds(5);

}  // namespace

void GrpcExchange::Begin() {
  auto opened = host_->Open({.address = call_->context().peer()}, ExchangeLimits(), this);
  if (!opened.ok()) {
    finishing_ = true;
    return call_->Finish(opened.status());
  }
  end_ = *std::move(opened);
  call_->Read();
}

void GrpcExchange::OnRead(grpc::ByteBuffer message) {
  if (finishing_ || finish_asked().has_value()) return;
  call_->Read();  // so that the next one is on its way
  auto decoded = DecodeClientMessage(message);
  message.Clear();
  if (!decoded.ok()) {
    Finish(decoded.status());
  } else {
    end_->Receive(*std::move(decoded));
  }
  Pump();
}

void GrpcExchange::OnReadEnd() {
  if (end_ == nullptr || finishing_) return;
  end_->ReceivedLast();
  Pump();
}

void GrpcExchange::OnWritten(bool ok) {
  writing_ = false;
  broken_ |= !ok;
  Pump();
}

void GrpcExchange::Finish(absl::Status status) {
  {
    MutexLock lock(&mutex_);
    if (finish_.has_value()) return;
    finish_ = std::move(status);
  }
  Wake();
}

std::optional<absl::Status> GrpcExchange::finish_asked() const {
  MutexLock lock(&mutex_);
  return finish_;
}

void GrpcExchange::Pump() {
  if (end_ == nullptr || finishing_ || broken_ || call_->over()) return;
  if (writing_) {
    // Bad news need not wait for ever behind what nobody reads.
    if (const auto finish = finish_asked(); finish.has_value() && !finish->ok()) call_->CancelAfter(kPatience);
    return;
  }
  SlicedServerMessage message;
  if (const auto finish = finish_asked(); (!finish.has_value() || finish->ok()) && end_->Next(&message)) {
    const absl::StatusOr<std::vector<grpc::Slice>> slices = EncodeServerMessage(message);
    if (slices.ok()) {
      writing_ = true;
      return call_->Write(grpc::ByteBuffer(slices->data(), slices->size()));
    }
    Finish(absl::InternalError(slices.status().message()));
  }
  // Next() may have found that there is nothing left to do.
  if (const auto finish = finish_asked(); finish.has_value()) {
    finishing_ = true;
    call_->Finish(*finish);
  }
}

void GrpcExchange::OnOver(bool cancelled) {
  if (end_ == nullptr) return;
  const auto finish = finish_asked();
  end_->Closed(cancelled || !finish.has_value() ? absl::CancelledError("the connection or the client is gone")
                                                : *finish);
}

}  // namespace downpour
