#ifndef DOWNPOUR_TESTS_SIM_MESSAGE_H_
#define DOWNPOUR_TESTS_SIM_MESSAGE_H_

#include <cstdint>

#include "server/consistency/policy.h"
#include "server/shard/pull.h"
#include "server/shard/push.h"
#include "server/shard/refusal.h"
#include "server/store/snapshot.h"

namespace downpour::sim {

enum class MessageType : uint8_t {
  // worker to shard, and back
  kPush,
  kPushReply,
  kPull,
  kPullReply,
  // worker to coordinator, and back
  kHeartbeat,
  kJoinAsk,
  kJoinDone,
  // coordinator to shard, and back
  kClockAsk,
  kClockReply,
  kJoin,
  kJoinReply,
  kLeave,
  kLeaveReply,
  kEpoch,
  kEpochReply,
};

// What is wrong with a push that no shard may take.
enum class Damage : uint8_t {
  kNone,
  kNotFinite,     // a NaN in the last element
  kElementCount,  // one element too many
  kByteCount,     // one byte missing
  kSequenceZero,
  kVersionFuture,
};
inline constexpr uint64_t kDamageKinds = 6;

// What travels on the network; each type uses some of the fields.
struct Message {
  MessageType type = MessageType::kPush;
  uint8_t shard = 0;
  WorkerId worker = 0;
  uint32_t coordinate = 0;        // kPush: where the ledger finds it
  uint64_t incarnation = 0;       // of the worker
  uint64_t number = 0;            // push: sequence number; pull: ticket; join: the worker's attempt
  uint64_t clock = 0;             // of the worker; of an answer: to go on from
  uint64_t version = 0;           // push: that was pulled; replies: the shard's
  uint64_t epoch = 0;             // request: by which it is made; reply: the shard's
  uint64_t fingerprint = 0;       // kPullReply: of the weights when they were sent
  Snapshot values = {};           // kPullReply
  Damage damage = Damage::kNone;  // kPush
  PushFate push_fate = PushFate::kRefused;
  PullFate pull_fate = PullFate::kRefused;
  RefusalReason reason = RefusalReason::kNone;
};

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_MESSAGE_H_
