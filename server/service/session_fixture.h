#ifndef DOWNPOUR_SERVER_SERVICE_SESSION_FIXTURE_H_
#define DOWNPOUR_SERVER_SERVICE_SESSION_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/rpc/exchange.h"
#include "server/service/job_host.h"

namespace downpour::testing {

inline constexpr absl::Duration kAnyTime = absl::Seconds(1);

// What a test's job is made of: one table for each entry, in shards of at most `shard_elements`.
struct JobSetup {
  std::vector<uint64_t> tables = {4};
  uint64_t shard_elements = uint64_t{1} << 20;
  std::string optimizer = "sgd { learning_rate: 1 }";
  std::string policy = "async {}";
  char fingerprint = 'f';
  std::vector<uint32_t> servers = {0};  // the first of them has all shards
};
wire::CreateJobRequest MakeCreateJob(const JobSetup& setup);

// A server with a job on it and a clock that stands still.
struct TestServer {
  explicit TestServer(const JobSetup& setup = {}, JobHost::Options options = {});

  // Joins the worker; its incarnation, 0 where it was refused.
  uint64_t Join(WorkerId worker, uint64_t incarnation = 0);
  absl::Status Heartbeat(WorkerId worker, uint64_t incarnation, uint64_t clock = 0);
  void Leave(WorkerId worker, uint64_t incarnation);
  std::vector<float> WeightsOf(ShardId shard);
  uint64_t Hash(ShardId shard) { return host.job()->shard(shard)->Hash(); }

  const std::string fingerprint;
  ManualClock clock;
  JobHost host;
};

// The client's half of an exchange, by hand. Copies what it receives, as a network would.
class TestStream : public ExchangeLink {
 public:
  explicit TestStream(TestServer* server, ExchangeLimits limits = {});
  ~TestStream();

  // The hello of a worker that joined.
  wire::ClientHello Hello(WorkerId worker, uint64_t incarnation) const;
  void SayHello(WorkerId worker, uint64_t incarnation);

  // A push of the whole gradient, cut into pieces of `piece_bytes` that travel in a message each.
  wire::PushPiece Header(ShardId shard, uint64_t sequence, const std::vector<float>& gradient) const;
  SlicedPushPiece Piece(const wire::PushPiece& header, const std::vector<float>& gradient, uint64_t offset = 0,
                        std::optional<uint64_t> bytes = std::nullopt) const;
  void Push(ShardId shard, uint64_t sequence, const std::vector<float>& gradient, size_t piece_bytes = 1 << 20);
  void Send(SlicedPushPiece piece);
  void Pull(uint64_t ticket, std::vector<uint32_t> shards, uint64_t clock = 0);

  void Send(SlicedClientMessage message) { end_->Receive(std::move(message)); }
  void SendLast() { end_->ReceivedLast(); }
  void Cut(const absl::Status& status = absl::UnavailableError("cut"));

  // Everything that the server has to say now; one message.
  std::vector<SlicedServerMessage> ReadAll();
  std::optional<SlicedServerMessage> ReadOne();
  // Of everything, in order.
  std::vector<wire::Acknowledgement> ReadAcknowledgements();
  // The first acknowledgement there is, as "APPLIED 3", "REFUSED NOT_FINITE", or "" for none.
  std::string ReadFate();

  bool woken() const;
  std::optional<absl::Status> finished() const;

  void Wake() override;
  void Finish(absl::Status status) override;

 private:
  TestServer* const server_;
  WorkerId worker_ = 0;
  uint64_t incarnation_ = 0;
  mutable Mutex mutex_;
  bool woken_ DP_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> finished_ DP_GUARDED_BY(mutex_);
  std::unique_ptr<ServerEnd> end_;
  bool closed_ = false;
};

// The values of the pieces of one shard's answer, put together.
std::vector<float> WeightsIn(const std::vector<SlicedServerMessage>& messages, ShardId shard);

}  // namespace downpour::testing

#endif  // DOWNPOUR_SERVER_SERVICE_SESSION_FIXTURE_H_
