#ifndef DOWNPOUR_SERVER_SERVICE_GRPC_CALL_H_
#define DOWNPOUR_SERVER_SERVICE_GRPC_CALL_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "grpcpp/alarm.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/support/byte_buffer.h"

namespace downpour {

class GrpcCall;

// What a call is about. Everything is called on the thread of the call's completion queue, one thing at a time.
class CallHandler {
 public:
  virtual ~CallHandler() = default;

  // The call has come. May read, write and finish from now on.
  virtual void Begin() = 0;
  // The end of GrpcCall::Read: a message; or there are no more, because the client has said so or is gone.
  virtual void OnRead(grpc::ByteBuffer) {}
  virtual void OnReadEnd() {}
  // The end of GrpcCall::Write.
  virtual void OnWritten(bool /*ok*/) {}
  // Somebody said Wake().
  virtual void OnWake() {}
  // The call is over, and nothing of it is under way any more. The last call; Wake() must not be said after it.
  virtual void OnOver(bool /*cancelled*/) {}
};

grpc::Status ToGrpc(const absl::Status& status);

// Finds what a call is about. Thread-safe.
class CallRouter {
 public:
  virtual ~CallRouter() = default;
  // Never null; outlived by `call`.
  virtual std::unique_ptr<CallHandler> Route(GrpcCall* call) = 0;
};

// A completion queue with the calls that came by it: one thread polls it, and with it the connections that belong to
// it.
struct GrpcQueue {
  grpc::AsyncGenericService* service = nullptr;
  CallRouter* router = nullptr;
  std::unique_ptr<grpc::ServerCompletionQueue> queue;
  std::atomic<int>* live_calls = nullptr;

  // Polls until the queue is shut down and empty.
  void Run();
};

// One call of any method, from before it comes until all of it is over, when it deletes itself.
class GrpcCall {
 public:
  // Waits for a call at `queue`; once one comes, another GrpcCall waits.
  static void Await(GrpcQueue* queue) { new GrpcCall(queue); }

  GrpcCall(const GrpcCall&) = delete;
  GrpcCall& operator=(const GrpcCall&) = delete;

  // ---- For the handler, on the queue's thread (WriteAndFinish: from any, once)
  const std::string& method() const { return context_.method(); }
  grpc::GenericServerContext& context() { return context_; }
  void Read();
  void Write(const grpc::ByteBuffer& message);
  void Finish(const absl::Status& status);
  // ExpectFinish, on the queue's thread, comes before.
  void ExpectFinish() { ++operations_; }
  void FinishExpected(const absl::Status& status);
  void WriteAndFinishExpected(const grpc::ByteBuffer& message);
  // Gives up the call, whatever is under way, unless it is over by then. Once.
  void CancelAfter(absl::Duration patience);
  bool over() const { return done_; }

  // OnWake will be called, once for any number of these. Any thread, until OnOver.
  void Wake();

 private:
  friend struct GrpcQueue;
  enum class Event : uint8_t { kArrived, kRead, kWritten, kFinished, kWoken, kImpatient, kDone };
  struct Tag {
    GrpcCall* call;
    Event event;
  };

  explicit GrpcCall(GrpcQueue* queue);
  ~GrpcCall();

  void Handle(Event event, bool ok);
  void Dispatch(Event event, bool ok);
  void DeleteIfOver();

  GrpcQueue* const queue_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_;
  grpc::ByteBuffer incoming_;
  std::unique_ptr<CallHandler> handler_;

  Tag arrived_{this, Event::kArrived};
  Tag read_{this, Event::kRead};
  Tag written_{this, Event::kWritten};
  Tag finished_{this, Event::kFinished};
  Tag woken_{this, Event::kWoken};
  Tag impatient_{this, Event::kImpatient};
  Tag done_tag_{this, Event::kDone};

  int operations_ = 0;  // of which the tag has not come back
  bool started_ = false;
  bool done_ = false;  // gRPC has said that the call is over
  bool over_told_ = false;
  bool wake_wanted_ = false;  // said on the queue's thread, within an event of this call

  Mutex wake_mutex_;
  bool wake_under_way_ DP_GUARDED_BY(wake_mutex_) = false;
  grpc::Alarm wake_alarm_;
  std::optional<grpc::Alarm> impatience_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_GRPC_CALL_H_
