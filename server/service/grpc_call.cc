#include "server/service/grpc_call.h"

#include <string_view>
#include <utility>

#include "common/base/string_view.h"

namespace downpour {
namespace {

// Messages travel in headers, of which a client takes 8 KiB.
constexpr size_t kStatusBytesMax = 1536;

// The call whose event this thread is handling.
thread_local GrpcCall* current_call = nullptr;

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(ToStd(status.message()).substr(0, kStatusBytesMax)));
}

void GrpcQueue::Run() {
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) {
    auto* const event = static_cast<GrpcCall::Tag*>(tag);
    event->call->Handle(event->event, ok);
  }
}

GrpcCall::GrpcCall(GrpcQueue* queue) : queue_(queue), stream_(&context_) {
  context_.AsyncNotifyWhenDone(&done_tag_);
  ++operations_;
  queue_->service->RequestCall(&context_, &stream_, queue_->queue.get(), queue_->queue.get(), &arrived_);
}

GrpcCall::~GrpcCall() {
  if (started_) queue_->live_calls->fetch_sub(1, std::memory_order_acq_rel);
}

void GrpcCall::Read() {
  ++operations_;
  stream_.Read(&incoming_, &read_);
}

void GrpcCall::Write(const grpc::ByteBuffer& message) {
  ++operations_;
  stream_.Write(message, &written_);
}

void GrpcCall::Finish(const absl::Status& status) {
  ExpectFinish();
  FinishExpected(status);
}

void GrpcCall::FinishExpected(const absl::Status& status) { stream_.Finish(ToGrpc(status), &finished_); }

void GrpcCall::WriteAndFinishExpected(const grpc::ByteBuffer& message) {
  stream_.WriteAndFinish(message, grpc::WriteOptions(), grpc::Status::OK, &finished_);
}

void GrpcCall::CancelAfter(absl::Duration patience) {
  if (impatience_.has_value() || done_) return;
  impatience_.emplace();
  ++operations_;
  impatience_->Set(queue_->queue.get(),
                   gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                gpr_time_from_millis(absl::ToInt64Milliseconds(patience), GPR_TIMESPAN)),
                   &impatient_);
}

void GrpcCall::Wake() {
  if (current_call == this) {
    wake_wanted_ = true;
    return;
  }
  MutexLock lock(&wake_mutex_);
  if (std::exchange(wake_under_way_, true)) return;
  wake_alarm_.Set(queue_->queue.get(), gpr_now(GPR_CLOCK_MONOTONIC), &woken_);
}

void GrpcCall::Handle(Event event, bool ok) {
  current_call = this;
  Dispatch(event, ok);
  while (std::exchange(wake_wanted_, false)) {
    if (!over_told_) handler_->OnWake();
  }
  current_call = nullptr;
  DeleteIfOver();
}

void GrpcCall::Dispatch(Event event, bool ok) {
  if (event == Event::kWoken) {
    MutexLock lock(&wake_mutex_);
    wake_under_way_ = false;
  } else {
    --operations_;
  }
  switch (event) {
    case Event::kArrived:
      if (!ok) {
        done_ = over_told_ = true;  // the server shuts down, and no call comes
        return;
      }
      started_ = true;
      queue_->live_calls->fetch_add(1, std::memory_order_acq_rel);
      ++operations_;  // done_tag_ comes from now on
      Await(queue_);
      handler_ = queue_->router->Route(this);
      return handler_->Begin();
    case Event::kRead:
      if (!ok) return handler_->OnReadEnd();
      return handler_->OnRead(std::exchange(incoming_, grpc::ByteBuffer()));
    case Event::kWritten:
      return handler_->OnWritten(ok);
    case Event::kWoken:
      if (!over_told_) handler_->OnWake();
      return;
    case Event::kImpatient:
      if (ok && !done_) context_.TryCancel();
      return;
    case Event::kDone:
      done_ = true;
      if (impatience_.has_value()) impatience_->Cancel();
      return;
    case Event::kFinished:
      return;
  }
}

void GrpcCall::DeleteIfOver() {
  if (!done_ || operations_ > 0) return;
  if (!over_told_) {
    over_told_ = true;
    handler_->OnOver(context_.IsCancelled());
  }
  {
    MutexLock lock(&wake_mutex_);
    if (wake_under_way_) return;
  }
  delete this;
}

}  // namespace downpour
