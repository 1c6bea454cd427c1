#ifndef DOWNPOUR_SERVER_SERVICE_SESSION_H_
#define DOWNPOUR_SERVER_SERVICE_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/rpc/exchange.h"
#include "server/service/job.h"
#include "server/service/mailbox.h"
#include "server/service/pull_line.h"
#include "server/service/push_assembly.h"
#include "server/service/stream_tally.h"

namespace downpour {

// What a session asks of the server that it belongs to. Thread-safe; outlives the session.
class SessionHost {
 public:
  struct Admission {
    std::shared_ptr<const Job> job;
    wire::ServerHello hello;
    std::shared_ptr<StreamTally> tally;
  };

  // Checks who calls, and gives it the place of its worker, from which the session before is sent away.
  virtual absl::StatusOr<Admission> Admit(const wire::ClientHello& hello, std::shared_ptr<Mailbox> mailbox) = 0;

  // The worker has sent something.
  virtual void Heard(WorkerId worker, uint64_t incarnation) = 0;

  // Answers that came due for other sessions, or for this one.
  virtual void Deliver(ShardId shard, Completions completions) = 0;

  // The session is over.
  virtual void Gone(WorkerId worker, const Mailbox* mailbox) = 0;

 protected:
  ~SessionHost() = default;
};

// The server's end of one exchange: what a worker's stream says and hears. Checks the hello, puts pieces together to
// pushes and hands these to their shards without a copy, asks shards for weights when there is room to send them, and
// tells what becomes of all of it: answers first, then weights in the order in which they were asked for.
//
// Nothing a peer sends does harm: what makes no sense is refused on its own, what is against the protocol ends the
// exchange with a status that says why, and what is kept of it is bounded.
class Session final : public ServerEnd {
 public:
  Session(SessionHost* host, std::string peer, const ExchangeLimits& limits, ExchangeLink* link);
  ~Session() override;

  void Receive(SlicedClientMessage message) override;
  void ReceivedLast() override;
  bool Next(SlicedServerMessage* message) override;
  void Closed(const absl::Status& status) override;

 private:
  using PushKey = std::pair<ShardId, uint64_t>;  // and sequence

  // What is known once the hello was all right.
  struct Caller {
    WorkerId worker = 0;
    uint64_t incarnation = 0;
    std::shared_ptr<const Job> job;
    std::shared_ptr<StreamTally> tally;
    PushAssembly assembly;
    PullLine pulls;
  };

  absl::Status Greet(const wire::ClientMessage& message);
  absl::Status HandlePull(const wire::PullRequest& request);
  void HandlePush(const SlicedPushPiece& piece, bool alone);
  void HandleWhole(const SlicedPushPiece& piece, const KeepRule& rule);
  void Dispatch(Shard* shard, ShardId id, PushRequest request);

  void Acknowledge(ShardId shard, uint64_t sequence, PushOutcome outcome);
  void RefusePush(const SlicedPushPiece& piece, wire::Refusal refusal);
  void AcknowledgeRefused(const wire::PushPiece& header, wire::Refusal refusal);
  void RefusePull(uint64_t ticket, ShardId shard, wire::Refusal refusal);
  absl::Status CheckAnswersAreRead() const;

  void ReadMail();
  bool FillAnswers(SlicedServerMessage* message);
  void FinishIfDone();
  void End(absl::Status status);

  SessionHost* const host_;
  const std::string peer_;
  const ExchangeLimits limits_;
  ExchangeLink* const link_;
  const std::shared_ptr<Mailbox> mailbox_;

  std::optional<Caller> caller_;
  std::optional<wire::ServerHello> hello_owed_;
  std::deque<wire::Acknowledgement> acknowledgements_;
  std::deque<wire::PullRefusal> pull_refusals_;
  std::set<PushKey> held_;  // acknowledged as such, and not finished
  bool received_last_ = false;
  bool draining_ = false;
  bool ended_ = false;  // nothing more is received, nothing more is sent
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_SESSION_H_
