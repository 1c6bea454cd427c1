#include "common/rpc/grpc_client_exchange.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/data_plane_decoder.h"
#include "common/rpc/data_plane_encoder.h"
#include "common/rpc/grpc_channel.h"

namespace downpour {
namespace {

constexpr char kMethod[] = "/downpour.wire.DataPlane/Exchange";

void* TagOf(intptr_t tag) { return reinterpret_cast<void*>(tag); }

}  // namespace

GrpcClientExchange::GrpcClientExchange(const GrpcCarrierOptions& options, std::shared_ptr<ClientEnd> end)
    : options_(options) {
  MutexLock lock(&turn_);
  end_ = std::move(end);
  context_ = std::make_unique<grpc::ClientContext>();
}

void GrpcClientExchange::Start(const std::shared_ptr<GrpcClientExchange>& exchange) {
  exchange->thread_ = std::thread([exchange] { exchange->Run(); });
}

// ---- For anybody

void GrpcClientExchange::Wake() {
  wanted_.store(true, std::memory_order_seq_cst);
  PumpIfWanted();
}

void GrpcClientExchange::PumpIfWanted() {
  while (wanted_.load(std::memory_order_seq_cst)) {
    if (!turn_.TryLock()) return;  // who has the turn looks here when giving it back
    wanted_.store(false, std::memory_order_seq_cst);
    Pump();
    turn_.Unlock();
  }
}

void GrpcClientExchange::Finish(absl::Status status) {
  {
    MutexLock lock(&finish_mutex_);
    if (asked_to_finish_.has_value() && !asked_to_finish_->ok()) return;
    asked_to_finish_ = std::move(status);
  }
  Wake();
}

// ---- The turn

void GrpcClientExchange::GiveUp(const absl::Status& why) {
  if (given_up_.ok()) given_up_ = why;
  context_->TryCancel();
}

bool GrpcClientExchange::Open() {
  channel_ = MakeGrpcChannel(options_);
  StreamMetadata metadata;
  if (options_.payload_channels != nullptr) payloads_ = options_.payload_channels->Open(&metadata);
  for (const auto& [key, value] : metadata) context_->AddMetadata(key, value);
  // A server that is not there fails the stream at once: the client sees to the next try.
  context_->set_wait_for_ready(false);
  stub_ = std::make_unique<grpc::GenericStub>(channel_);
  stream_ = stub_->PrepareCall(context_.get(), kMethod, &queue_);
  if (stream_ == nullptr) return false;
  stream_->StartCall(TagOf(kStarted));
  outstanding_ = 1;
  return true;
}

void GrpcClientExchange::Pump() {
  if (end_ == nullptr || finishing_) return;
  std::optional<absl::Status> finish;
  {
    MutexLock lock(&finish_mutex_);
    finish = asked_to_finish_;
  }
  if (finish.has_value() && !finish->ok()) return GiveUp(*finish);
  if (!open_ || writing_ || half_closed_) return;
  SlicedClientMessage message;
  if (end_->Next(&message)) return Write(std::move(message));
  if (finish.has_value()) {
    half_closed_ = true;
    ++outstanding_;
    stream_->WritesDone(TagOf(kHalfClosed));
  }
}

void GrpcClientExchange::Write(SlicedClientMessage message) {
  if (payloads_ != nullptr) {
    const absl::Status detached = payloads_->Detach(&message);
    if (!detached.ok()) return GiveUp(detached);
  }
  const absl::StatusOr<std::vector<grpc::Slice>> slices = EncodeClientMessage(message);
  if (!slices.ok()) return GiveUp(slices.status());
  writing_ = true;
  ++outstanding_;
  stream_->Write(grpc::ByteBuffer(slices->data(), slices->size()), TagOf(kWritten));
}

void GrpcClientExchange::BeginRead() {
  ++outstanding_;
  stream_->Read(&received_, TagOf(kRead));
}

void GrpcClientExchange::OnRead(bool ok) {
  if (!ok) {
    // Nothing more comes: the status says why.
    open_ = false;
    finishing_ = true;
    ++outstanding_;
    return stream_->Finish(&status_, TagOf(kFinished));
  }
  absl::StatusOr<SlicedServerMessage> message = DecodeServerMessage(received_);
  received_.Clear();
  // The next is on its way while this one is being understood.
  BeginRead();
  if (message.ok() && payloads_ != nullptr) {
    const absl::Status attached = payloads_->Attach(&*message);
    if (!attached.ok()) message = attached;
  }
  if (!message.ok()) return GiveUp(message.status());
  if (given_up_.ok()) end_->Receive(*std::move(message));
}

void GrpcClientExchange::OnEvent(Tag tag, bool ok) {
  --outstanding_;
  switch (tag) {
    case kStarted:
      open_ = ok;
      BeginRead();
      break;
    case kRead:
      OnRead(ok);
      break;
    case kWritten:
      writing_ = false;
      if (!ok) open_ = false;  // the read tells what has happened
      break;
    case kHalfClosed:
    case kFinished:
      break;
  }
}

// ---- The thread

void GrpcClientExchange::Run() {
  bool going = false;
  {
    MutexLock lock(&turn_);
    going = Open();
  }
  PumpIfWanted();
  while (going) {
    void* tag = nullptr;
    bool ok = false;
    if (!queue_.Next(&tag, &ok)) break;
    {
      MutexLock lock(&turn_);
      OnEvent(static_cast<Tag>(reinterpret_cast<intptr_t>(tag)), ok);
      Pump();
      going = outstanding_ > 0;
    }
    PumpIfWanted();
  }

  std::shared_ptr<ClientEnd> end;
  absl::Status status;
  {
    MutexLock lock(&turn_);
    end = std::move(end_);
    status = !given_up_.ok() ? given_up_ : FromGrpcStatus(status_);
    if (!finishing_ && status.ok()) status = absl::UnavailableError("the stream could not be started");
    stream_ = nullptr;
    context_ = nullptr;
    stub_ = nullptr;
    payloads_ = nullptr;
    channel_ = nullptr;
  }
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
  end->Closed(status);
  end = nullptr;
  over_.store(true, std::memory_order_release);
}

}  // namespace downpour
