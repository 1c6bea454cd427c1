#ifndef DOWNPOUR_SERVER_SERVICE_PULL_LINE_H_
#define DOWNPOUR_SERVER_SERVICE_PULL_LINE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "common/rpc/exchange.h"
#include "server/service/job.h"
#include "server/shard/pull.h"

namespace downpour {

// The pulls of one session, in the order in which they were asked: each shard is asked for its weights when there is
// room to send them, and not before, so that a session holds the blocks of one or two shards at a time, whatever it was
// asked for, and updates seldom have to write elsewhere. The payload of a piece refers to the blocks.
//
// A pull that has to wait for its policy is asked again when that lets it, unless what it brought along is little
// enough to be kept. Used by one thread at a time.
class PullLine {
 public:
  PullLine(const Job* job, const ExchangeLimits& limits) : job_(job), limits_(limits) {}

  // A request of a worker that is who it says. False: more shards wait than a line may have.
  [[nodiscard]] bool Add(const wire::PullRequest& request);

  // The late answer to a pull that waited.
  void Complete(ShardId shard, PullCompletion completion);

  // Adds what is next to an empty message, as much as should travel together: pieces, and refusals of what cannot be
  // answered. False: nothing to send now.
  bool Fill(SlicedServerMessage* message);

  // Nothing left to ask or to send; pulls may still wait for their policy.
  bool idle() const { return line_.empty() && !current_.has_value(); }
  bool waiting() const { return !waiting_.empty(); }

 private:
  // A request whose shards are being asked one after another.
  struct Entry {
    PullRequest request;
    google::protobuf::RepeatedField<uint32_t> shards;
    int next = 0;
    std::shared_ptr<PullOutcome> outcome;  // of the only shard, where it is there already
  };
  // An answer that is being sent.
  struct Answer {
    uint64_t ticket = 0;
    ShardId shard = 0;
    uint64_t version = 0;
    uint64_t clock = 0;
    std::shared_ptr<const Snapshot> values;
    uint64_t total_bytes = 0;
    uint64_t offset = 0;
  };
  using WaitKey = std::pair<uint64_t, ShardId>;  // ticket and shard

  // Finds the next answer to send. Refusals go to `message`. False: there is none now, or the message is full of
  // refusals.
  bool StartNext(SlicedServerMessage* message);
  void Start(const PullRequest& request, ShardId shard, PullOutcome outcome);
  SlicedWeightsPiece Cut(size_t bytes);
  static bool Full(const SlicedServerMessage& message);

  const Job* const job_;
  const ExchangeLimits limits_;
  std::deque<Entry> line_;
  size_t shards_in_line_ = 0;
  std::map<WaitKey, PullRequest> waiting_;
  size_t bytes_kept_ = 0;  // of outcomes in the line
  std::optional<Answer> current_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_PULL_LINE_H_
