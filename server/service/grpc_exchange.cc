#include "server/service/grpc_exchange.h"

#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/rpc/data_plane_decoder.h"
#include "common/rpc/data_plane_encoder.h"

namespace downpour {
namespace {

// A stream that is to end, and whose client does not read what was sent before, is given up after this.
constexpr absl::Duration kPatience = absl::Seconds(5);

}  // namespace

void GrpcExchange::Begin() {
  if (absl::Status opened = OpenEnd(); !opened.ok()) {
    finishing_ = true;
    return call_->Finish(opened);
  }
  call_->Read();
}

absl::Status GrpcExchange::OpenEnd() {
  ExchangeLimits limits;
  if (channels_ != nullptr) {
    StreamMetadata metadata;
    for (const auto& [key, value] : call_->context().client_metadata()) {
      metadata.emplace_back(std::string(key.data(), key.size()), std::string(value.data(), value.size()));
    }
    DP_ASSIGN_OR_RETURN(channel_, channels_->Accept(metadata));
    if (channel_ != nullptr) {
      limits.received_may_stay = false;  // beside the stream there is little room
      limits.bytes_in_flight_raised = channel_->bytes_in_flight_raised();
    }
  }
  DP_ASSIGN_OR_RETURN(end_, host_->Open({.address = call_->context().peer()}, limits, this));
  return absl::OkStatus();
}

void GrpcExchange::OnRead(grpc::ByteBuffer message) {
  if (finishing_ || finish_asked().has_value()) return;
  call_->Read();  // so that the next one is on its way
  if (absl::Status status = ReceiveMessage(message); !status.ok()) Finish(std::move(status));
  Pump();
}

absl::Status GrpcExchange::ReceiveMessage(const grpc::ByteBuffer& message) {
  DP_ASSIGN_OR_RETURN(SlicedClientMessage decoded, DecodeClientMessage(message));
  if (channel_ != nullptr) DP_RETURN_IF_ERROR(channel_->Attach(&decoded));
  end_->Receive(std::move(decoded));
  return absl::OkStatus();
}

absl::StatusOr<grpc::ByteBuffer> GrpcExchange::Encode(SlicedServerMessage* message) {
  if (channel_ != nullptr) DP_RETURN_IF_ERROR(channel_->Detach(message));
  DP_ASSIGN_OR_RETURN(const std::vector<grpc::Slice> slices, EncodeServerMessage(*message));
  return grpc::ByteBuffer(slices.data(), slices.size());
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
    const absl::StatusOr<grpc::ByteBuffer> bytes = Encode(&message);
    if (bytes.ok()) {
      writing_ = true;
      return call_->Write(*bytes);
    }
    Finish(bytes.status());
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
