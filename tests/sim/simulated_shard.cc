#include "tests/sim/simulated_shard.h"

#include <limits>
#include <utility>

#include "common/base/string_view.h"
#include "common/tensor/shape.h"
#include "proto/initializer.pb.h"
#include "proto/optimizer.pb.h"
#include "server/store/dense_shard.h"
#include "server/store/initializer.h"
#include "tests/sim/planted_policies.h"
#include "tests/sim/planted_shards.h"

namespace downpour::sim {
namespace {

// SGD with rate 1, which makes the weights a ledger. One for all shards of all runs.
const std::shared_ptr<const Optimizer>& PlainSgd() {
  static const auto& optimizer = *new std::shared_ptr<const Optimizer>([] {
    OptimizerConfig config;
    config.mutable_sgd()->set_learning_rate(1);
    return *Optimizer::Create(config);
  }());
  return optimizer;
}

const Initializer& Zeros() {
  static const Initializer& zeros = *new Initializer(*Initializer::Create({}, Shape(1), /*seed=*/1, "ledger"));
  return zeros;
}

std::unique_ptr<Shard> MakeShard(const World& world, uint32_t index, BlockPool& pool) {
  DenseShardSpec spec;
  spec.element_count = world.scenario.elements;
  ShardOptions options;
  options.name = absl::StrCat("ledger/", index);
  return std::make_unique<Shard>(std::move(options), *DenseShard::Create(spec, Zeros(), &pool), PlainSgd(),
                                 MakeSimulatedPolicy(world.scenario, world.bug), &pool);
}

void DamageRequest(Damage damage, PushRequest* request) {
  switch (damage) {
    case Damage::kNone:
      break;
    case Damage::kNotFinite:
      request->slices = Ledger::NotFinite(request->element_count);
      break;
    case Damage::kElementCount:
      ++request->element_count;
      break;
    case Damage::kByteCount:
      request->slices.back().remove_suffix(1);
      break;
    case Damage::kSequenceZero:
      request->sequence = 0;
      break;
    case Damage::kVersionFuture:
      request->version_pulled = std::numeric_limits<uint64_t>::max();
      break;
  }
}

const char* FateName(const PushOutcome& outcome) {
  switch (outcome.fate) {
    case PushFate::kApplied:
      return outcome.duplicate ? "applied before" : "applied";
    case PushFate::kDropped:
      return outcome.duplicate ? "dropped before" : "dropped";
    case PushFate::kHeld:
      return outcome.duplicate ? "held already" : "held";
    case PushFate::kRefused:
      return "refused";
  }
  return "?";
}

}  // namespace

SimulatedShard::SimulatedShard(World& world, uint32_t index, BlockPool& pool)
    : world_(world),
      index_(index),
      shard_(MakeShard(world, index, pool)),
      port_(MakeShardPort(*shard_, pool, world.bug)),
      auditor_(world.scenario, world.ledger, index) {}

Message SimulatedShard::Reply(MessageType type, const Message& to) const {
  return {.type = type,
          .shard = static_cast<uint8_t>(index_),
          .worker = to.worker,
          .incarnation = to.incarnation,
          .number = to.number,
          .epoch = epoch_};
}

void SimulatedShard::Deliver(const Message& message) {
  ++world_.operations;
  switch (message.type) {
    case MessageType::kPush:
      Push(message);
      break;
    case MessageType::kPull:
      Pull(message);
      break;
    case MessageType::kClockAsk: {
      Message reply = Reply(MessageType::kClockReply, message);
      reply.clock = shard_->JoinClock();
      auditor_.OnJoinClock(reply.clock);
      world_.network.Send(std::move(reply));
      break;
    }
    case MessageType::kJoin: {
      MembershipAnswer answer = port_->Join(message.worker, message.incarnation, message.clock);
      world_.Log("shard ", index_, ": worker ", message.worker, " joins as ", message.incarnation, " at clock ",
                 message.clock, answer.refusal ? ", refused" : "");
      auditor_.OnJoin(message, answer);
      world_.network.Send(Reply(MessageType::kJoinReply, message));
      SendCompletions(std::move(answer.completions));
      break;
    }
    case MessageType::kLeave: {
      Completions completions = port_->Leave(message.worker, message.incarnation);
      world_.Log("shard ", index_, ": worker ", message.worker, " incarnation ", message.incarnation, " leaves");
      auditor_.OnLeave(message, completions);
      world_.network.Send(Reply(MessageType::kLeaveReply, message));
      SendCompletions(std::move(completions));
      break;
    }
    case MessageType::kEpoch:
      if (message.epoch > epoch_) {
        epoch_ = message.epoch;
        if (!port_->SetEpoch(epoch_).ok()) world_.Fail("shard ", index_, " does not take epoch ", epoch_);
        auditor_.OnEpoch(epoch_);
        world_.Log("shard ", index_, ": epoch ", epoch_);
      }
      world_.network.Send(Reply(MessageType::kEpochReply, message));
      break;
    default:
      break;
  }
  if (!auditor_.violation().empty()) world_.Fail(auditor_.violation());
}

void SimulatedShard::Push(const Message& message) {
  PushRequest request;
  request.epoch = message.epoch;
  request.worker = message.worker;
  request.incarnation = message.incarnation;
  request.sequence = message.number;
  request.clock = message.clock;
  request.version_pulled = message.version;
  request.element_count = world_.scenario.elements;
  request.slices = Ledger::GradientAt(message.coordinate, world_.scenario.elements);
  if (message.damage != Damage::kNone) DamageRequest(message.damage, &request);
  PushAnswer answer = port_->Push(std::move(request));
  world_.Log("shard ", index_, message.damage == Damage::kNone ? ": push " : ": damaged push ", message.coordinate,
             " of worker ", message.worker, "#", message.incarnation, " number ", message.number, " clock ",
             message.clock, " from version ", message.version, ": ", FateName(answer.outcome), " ",
             ToAbsl(RefusalReasonName(answer.outcome.refusal.reason)), ", version ", answer.outcome.version);
  if (message.damage != Damage::kNone) return auditor_.OnDamagedPush(message, answer);
  auditor_.OnPush(message, answer);
  SendPush(message.worker, message.incarnation, message.number, answer.outcome);
  SendCompletions(std::move(answer.completions));
}

void SimulatedShard::Pull(const Message& message) {
  PullRequest request;
  request.epoch = message.epoch;
  request.worker = message.worker;
  request.incarnation = message.incarnation;
  request.clock = message.clock;
  request.ticket = message.number;
  PullOutcome outcome = port_->Pull(request);
  world_.Log("shard ", index_, ": pull ", message.number, " of worker ", message.worker, "#", message.incarnation,
             " at clock ", message.clock, ": ",
             outcome.fate == PullFate::kWaiting    ? "waits"
             : outcome.fate == PullFate::kAnswered ? "answered"
                                                   : "refused",
             " ", ToAbsl(RefusalReasonName(outcome.refusal.reason)), ", version ", outcome.weights.version, " clock ",
             outcome.clock);
  auditor_.OnPull(message, outcome);
  if (outcome.fate == PullFate::kWaiting) return;
  SendPull(message.worker, message.incarnation, message.number, std::move(outcome));
}

void SimulatedShard::SendPush(WorkerId worker, uint64_t incarnation, uint64_t sequence, const PushOutcome& outcome) {
  world_.network.Send({.type = MessageType::kPushReply,
                       .shard = static_cast<uint8_t>(index_),
                       .worker = worker,
                       .incarnation = incarnation,
                       .number = sequence,
                       .version = outcome.version,
                       .epoch = epoch_,
                       .push_fate = outcome.fate,
                       .reason = outcome.refusal.reason});
}

void SimulatedShard::SendPull(WorkerId worker, uint64_t incarnation, uint64_t ticket, PullOutcome outcome) {
  world_.network.Send({.type = MessageType::kPullReply,
                       .shard = static_cast<uint8_t>(index_),
                       .worker = worker,
                       .incarnation = incarnation,
                       .number = ticket,
                       .clock = outcome.clock,
                       .version = outcome.weights.version,
                       .epoch = epoch_,
                       .fingerprint = outcome.fate == PullFate::kAnswered ? auditor_.Fingerprint() : 0,
                       .values = std::move(outcome.weights.values),
                       .pull_fate = outcome.fate,
                       .reason = outcome.refusal.reason});
}

void SimulatedShard::SendCompletions(Completions completions) {
  for (const PushCompletion& push : completions.pushes) {
    world_.Log("shard ", index_, ": push number ", push.sequence, " of worker ", push.worker, "#", push.incarnation,
               ": now ", FateName(push.outcome), ", version ", push.outcome.version);
    SendPush(push.worker, push.incarnation, push.sequence, push.outcome);
  }
  for (PullCompletion& pull : completions.pulls) {
    world_.Log("shard ", index_, ": pull ", pull.ticket, " of worker ", pull.worker, "#", pull.incarnation, ": now ",
               pull.outcome.fate == PullFate::kAnswered ? "answered" : "refused", ", version ",
               pull.outcome.weights.version, " clock ", pull.outcome.clock);
    SendPull(pull.worker, pull.incarnation, pull.ticket, std::move(pull.outcome));
  }
}

void SimulatedShard::Finish() {
  auditor_.Finish(*shard_);
  if (!auditor_.violation().empty()) world_.Fail(auditor_.violation());
}

}  // namespace downpour::sim
