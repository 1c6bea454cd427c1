#include "tests/sim/simulated_worker.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/base/hash.h"
#include "common/base/string_view.h"
#include "tests/sim/simulated_shard.h"

namespace downpour::sim {

// ---- Life

void SimulatedWorker::Start() {
  ++life_;
  open_.clear();
  epoch_ = 1;
  stalled_until_ = 0;
  comes_back_ = false;
  world_.Log("worker ", id_, ": process ", life_, " starts");
  world_.events.After(world_.scenario.retry_after, EventKind::kWorkerTimer, id_, life_);
  Join();
}

void SimulatedWorker::Kill() {
  world_.Log("worker ", id_, ": dies");
  phase_ = Phase::kDead;
  ++life_;
}

void SimulatedWorker::Heal() {
  stalled_until_ = 0;
  if (comes_back_) Start();
}

void SimulatedWorker::Join() {
  phase_ = Phase::kJoining;
  ++attempt_;
  world_.Log("worker ", id_, ": asks to join, attempt ", attempt_);
  if (world_.bug != Bug::kUnansweredSentAgainAfterRejoin) open_.clear();
  world_.network.Send({.type = MessageType::kJoinAsk, .worker = id_, .number = attempt_});
}

// ---- Steps

void SimulatedWorker::BeginPull() {
  phase_ = Phase::kPulling;
  ++ticket_;
  missing_ = AllShards();
  answer_clock_ = world_.bug == Bug::kLargestClockTaken ? 0 : std::numeric_limits<uint64_t>::max();
  SendPull();
}

void SimulatedWorker::SendPull() {
  pull_sent_ = world_.events.now();
  for (uint32_t shard = 0; shard < world_.scenario.shards; ++shard) {
    if ((missing_ >> shard & 1) == 0) continue;
    world_.network.Send({.type = MessageType::kPull,
                         .shard = static_cast<uint8_t>(shard),
                         .worker = id_,
                         .incarnation = incarnation_,
                         .number = ticket_,
                         .clock = clock_,
                         .epoch = epoch_});
  }
}

void SimulatedWorker::BeginCompute() {
  const uint64_t open_max = world_.scenario.open_pushes_max;
  const bool window_full = !open_.empty() && next_sequence_ - open_.front().sequence >= open_max;
  // At the end of a run those whom nobody waits for stop, to leave the others what is left of the ledger.
  const PolicyFacts& facts = world_.scenario.facts;
  const bool done =
      world_.healed && late_steps_ >= 3 && facts.kind == PolicyFacts::Kind::kImmediate && facts.warm_steps == 0;
  if (window_full || done || world_.stopped) {
    phase_ = Phase::kHeldUp;
    return;
  }
  phase_ = Phase::kComputing;
  // At the end of a run steps take longer, so that those who have to join first do so before the ledger is full.
  const Micros at_least = world_.healed ? world_.scenario.retry_after : world_.scenario.compute_min;
  const Micros duration = at_least + world_.random.UniformInt(world_.scenario.compute_spread + 1);
  world_.events.After(duration, EventKind::kComputed, id_, life_);
}

void SimulatedWorker::OnComputed(uint32_t life) {
  if (life != life_ || phase_ != Phase::kComputing) return;
  EndStep();
}

void SimulatedWorker::EndStep() {
  const PolicyFacts& facts = world_.scenario.facts;
  // A policy that exchanges once a round does not hear of the steps between.
  const bool once_a_round = facts.fetch_every == facts.steps || facts.kind == PolicyFacts::Kind::kRounds;
  clock_ += once_a_round ? facts.steps : 1;
  if (world_.healed) ++late_steps_;
  if (clock_ % facts.steps == 0) {
    if (world_.ledger.left() == 0) {
      world_.Fail("the ledger has no room for the pushes of this run");
      return;
    }
    OpenPush push = {.sequence = next_sequence_++, .clock = clock_, .versions = versions_, .missing = AllShards()};
    SendDamaged(push);
    push.coordinate = world_.ledger.Add({.worker = id_, .incarnation = incarnation_, .clock = clock_});
    open_.push_back(push);
    SendPush(open_.back());
  }
  if (once_a_round || clock_ % facts.fetch_every == 0) {
    BeginPull();
  } else {
    BeginCompute();
  }
}

void SimulatedWorker::SendPush(OpenPush& push) {
  push.sent = world_.events.now();
  for (uint32_t shard = 0; shard < world_.scenario.shards; ++shard) {
    if ((push.missing >> shard & 1) == 0) continue;
    world_.network.Send({.type = MessageType::kPush,
                         .shard = static_cast<uint8_t>(shard),
                         .worker = id_,
                         .coordinate = push.coordinate,
                         .incarnation = incarnation_,
                         .number = push.sequence,
                         .clock = push.clock,
                         .version = push.versions[shard],
                         .epoch = epoch_});
  }
}

// Now and then something that no shard may take comes first, under the number of the push that follows.
void SimulatedWorker::SendDamaged(const OpenPush& push) {
  if (world_.random.UniformInt(32) != 0) return;
  const uint32_t shard = world_.random.UniformInt(world_.scenario.shards);
  world_.network.Send({.type = MessageType::kPush,
                       .shard = static_cast<uint8_t>(shard),
                       .worker = id_,
                       .incarnation = incarnation_,
                       .number = push.sequence,
                       .clock = push.clock,
                       .version = push.versions[shard],
                       .epoch = epoch_,
                       .damage = static_cast<Damage>(1 + world_.random.UniformInt(kDamageKinds - 1))});
}

void SimulatedWorker::OnTimer(uint32_t life) {
  if (life != life_ || phase_ == Phase::kDead) return;
  const Micros now = world_.events.now();
  const Micros retry_after = world_.scenario.retry_after;
  world_.events.After(retry_after - 500 + world_.random.UniformInt(1001), EventKind::kWorkerTimer, id_, life_);
  if (phase_ == Phase::kJoining) {
    world_.network.Send({.type = MessageType::kJoinAsk, .worker = id_, .number = attempt_});
    return;
  }
  world_.network.Send({.type = MessageType::kHeartbeat, .worker = id_, .incarnation = incarnation_});
  for (OpenPush& push : open_) {
    if (now - push.sent < retry_after) continue;
    if (world_.bug == Bug::kRetryUnderNewNumber) push.sequence = next_sequence_++;
    SendPush(push);
  }
  if (phase_ == Phase::kPulling && now - pull_sent_ >= retry_after) SendPull();
}

// ---- Answers

void SimulatedWorker::Deliver(Message message) {
  if (phase_ == Phase::kDead) return;
  switch (message.type) {
    case MessageType::kJoinDone:
      if (phase_ != Phase::kJoining || message.number != attempt_) return;
      incarnation_ = message.incarnation;
      clock_ = message.clock;
      epoch_ = std::max(epoch_, message.epoch);
      next_sequence_ = 1;
      for (OpenPush& push : open_) {  // only where a bug kept them
        push.sequence = next_sequence_++;
        push.missing = AllShards();
      }
      world_.Log("worker ", id_, ": is incarnation ", incarnation_, " at clock ", clock_);
      BeginPull();
      break;
    case MessageType::kPushReply:
      OnPushReply(message);
      break;
    case MessageType::kPullReply:
      OnPullReply(message);
      break;
    default:
      break;
  }
}

void SimulatedWorker::OnRefusal(const Message& reply) {
  switch (reply.reason) {
    case RefusalReason::kEpochStale:
      epoch_ = std::max(epoch_, reply.epoch);
      break;
    case RefusalReason::kUnknownWorker:
    case RefusalReason::kIncarnationStale:
      Join();
      break;
    default:
      break;  // the next retry will do
  }
}

void SimulatedWorker::OnPushReply(const Message& reply) {
  if (phase_ == Phase::kJoining || reply.incarnation != incarnation_) return;
  const auto push =
      std::find_if(open_.begin(), open_.end(), [&](const OpenPush& open) { return open.sequence == reply.number; });
  if (push == open_.end() || (push->missing >> reply.shard & 1) == 0) return;
  if (reply.push_fate == PushFate::kRefused) return OnRefusal(reply);
  if (reply.push_fate == PushFate::kHeld) return;
  push->missing &= ~(1u << reply.shard);
  if (push->missing == 0) open_.erase(push);
  if (phase_ == Phase::kHeldUp) BeginCompute();
}

void SimulatedWorker::OnPullReply(const Message& reply) {
  if (reply.pull_fate == PullFate::kAnswered) {
    const std::span<const float> values = reply.values.block(0);
    if (Hash64(std::as_bytes(values)) != reply.fingerprint) {
      world_.Fail("weights of shard ", reply.shard, " at version ", reply.version, " changed on their way to worker ",
                  id_);
    }
  }
  if (phase_ != Phase::kPulling || reply.incarnation != incarnation_ || reply.number != ticket_) return;
  if ((missing_ >> reply.shard & 1) == 0) return;
  if (reply.pull_fate == PullFate::kRefused) return OnRefusal(reply);
  missing_ &= ~(1u << reply.shard);
  versions_[reply.shard] = reply.version;
  answer_clock_ = world_.bug == Bug::kLargestClockTaken ? std::max(answer_clock_, reply.clock)
                                                        : std::min(answer_clock_, reply.clock);
  if (missing_ != 0) return;
  clock_ = answer_clock_;
  BeginCompute();
}

// ---- The end

bool SimulatedWorker::Settled(const std::vector<SimulatedShard>& shards) const {
  return std::all_of(open_.begin(), open_.end(), [&](const OpenPush& push) {
    for (uint32_t shard = 0; shard < shards.size(); ++shard) {
      if ((push.missing >> shard & 1) != 0 && !shards[shard].auditor().Holds(push.coordinate)) return false;
    }
    return true;
  });
}

std::string SimulatedWorker::Describe() const {
  constexpr const char* kPhases[] = {"is dead", "waits to join", "waits for weights", "computes", "is held up"};
  std::string text = absl::StrCat("worker ", id_, " ", kPhases[static_cast<int>(phase_)], " at clock ", clock_);
  for (uint32_t shard = 0; shard < world_.scenario.shards; ++shard) {
    if (phase_ == Phase::kPulling && (missing_ >> shard & 1) != 0) absl::StrAppend(&text, ", of shard ", shard);
  }
  for (const OpenPush& push : open_) absl::StrAppend(&text, ", push ", push.coordinate, " has no answer");
  return text;
}

}  // namespace downpour::sim
