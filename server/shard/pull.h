#ifndef DOWNPOUR_SERVER_SHARD_PULL_H_
#define DOWNPOUR_SERVER_SHARD_PULL_H_

#include <cstddef>
#include <cstdint>

#include "server/consistency/policy.h"
#include "server/shard/refusal.h"
#include "server/store/snapshot.h"

namespace downpour {

// So many pulls of one worker may wait at one shard.
inline constexpr size_t kWaitingPullsMax = 16;

struct PullRequest {
  uint64_t epoch = 0;
  WorkerId worker = 0;
  uint64_t incarnation = 0;
  uint64_t clock = 0;         // steps that the worker has finished; it asks for the weights of step clock + 1
  uint64_t ticket = 0;        // names the pull within the worker; sent again under the same ticket it is the same pull
  bool want_average = false;  // the moving average instead of the weights
};

// The weights (or their average) of a whole shard at one version.
struct Weights {
  uint64_t version = 0;
  Snapshot values;
};

enum class PullFate : uint8_t {
  kAnswered,
  kWaiting,  // the policy lets it wait: a PullCompletion will come
  kRefused,
};

struct PullOutcome {
  PullFate fate = PullFate::kRefused;
  Weights weights;     // of kAnswered
  uint64_t clock = 0;  // of kAnswered: that the worker goes on from; the smallest of all its shards' counts
  Refusal refusal;     // of kRefused
};

// The late answer to a pull whose outcome was kWaiting: kAnswered, or kRefused if its worker left or joined again.
struct PullCompletion {
  WorkerId worker = 0;
  uint64_t incarnation = 0;
  uint64_t ticket = 0;
  PullOutcome outcome;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SHARD_PULL_H_
