#include "tests/sim/coordinator.h"

#include <algorithm>
#include <limits>

namespace downpour::sim {

void Coordinator::SendTo(uint32_t shards, MessageType type, WorkerId worker, uint64_t incarnation, uint64_t clock) {
  for (uint32_t shard = 0; shard < world_.scenario.shards; ++shard) {
    if ((shards >> shard & 1) == 0) continue;
    world_.network.Send({.type = type,
                         .shard = static_cast<uint8_t>(shard),
                         .worker = worker,
                         .incarnation = incarnation,
                         .clock = clock,
                         .epoch = epoch_});
  }
}

void Coordinator::OnJoinAsk(const Message& message) {
  Worker& worker = workers_[message.worker];
  worker.heard = world_.events.now();
  if (message.number < worker.attempt) return;
  if (message.number == worker.attempt && worker.phase != Phase::kOut) {
    if (worker.phase == Phase::kIn) Answer(message.worker);
    return;
  }
  if (world_.bug != Bug::kIncarnationUsedAgain || worker.incarnation == 0) ++worker.incarnation;
  worker.attempt = message.number;
  worker.phase = Phase::kAskingClocks;
  worker.clock = std::numeric_limits<uint64_t>::max();
  worker.clocks_missing = AllShards();
  SendTo(AllShards(), MessageType::kClockAsk, message.worker, worker.incarnation, 0);
}

void Coordinator::Answer(WorkerId id) {
  const Worker& worker = workers_[id];
  world_.network.Send({.type = MessageType::kJoinDone,
                       .worker = id,
                       .incarnation = worker.incarnation,
                       .number = worker.attempt,
                       .clock = worker.clock,
                       .epoch = epoch_});
}

void Coordinator::Deliver(const Message& message) {
  Worker& worker = workers_[message.worker];
  const bool current = message.incarnation == worker.incarnation;
  const uint32_t bit = 1u << message.shard;
  switch (message.type) {
    case MessageType::kJoinAsk:
      OnJoinAsk(message);
      break;
    case MessageType::kHeartbeat:
      if (current) worker.heard = world_.events.now();
      break;
    case MessageType::kClockReply:
      if (!current || worker.phase != Phase::kAskingClocks || (worker.clocks_missing & bit) == 0) break;
      worker.clock = std::min(worker.clock, message.clock);
      worker.clocks_missing &= ~bit;
      if (worker.clocks_missing != 0) break;
      worker.phase = Phase::kJoining;
      worker.told = {.incarnation = worker.incarnation, .clock = worker.clock, .missing = AllShards()};
      SendTo(AllShards(), MessageType::kJoin, message.worker, worker.incarnation, worker.clock);
      break;
    case MessageType::kJoinReply:
      for (Removal& removal : removals_) {
        if (removal.worker == message.worker && removal.told.incarnation == message.incarnation) {
          removal.told.missing &= ~bit;
        }
      }
      if (message.incarnation != worker.told.incarnation) break;
      worker.told.missing &= ~bit;
      if (!current || worker.phase != Phase::kJoining || worker.told.missing != 0) break;
      worker.phase = Phase::kIn;
      Answer(message.worker);
      break;
    case MessageType::kLeaveReply:
      for (Removal& removal : removals_) {
        if (removal.worker == message.worker && removal.told.incarnation == message.incarnation) {
          removal.leaves_missing &= ~bit;
        }
      }
      break;
    case MessageType::kEpochReply:
      if (message.epoch >= epoch_) epoch_missing_ &= ~bit;
      break;
    default:
      break;
  }
}

void Coordinator::Remove(WorkerId id) {
  Worker& worker = workers_[id];
  world_.Log("coordinator: gives up worker ", id, " incarnation ", worker.incarnation);
  if (worker.told.incarnation != 0) removals_.push_back({id, worker.told, AllShards()});
  worker.told = {};
  worker.phase = Phase::kOut;
}

void Coordinator::OnTimer() {
  world_.events.After(world_.scenario.retry_after, EventKind::kCoordinatorTimer, 0);
  const Micros now = world_.events.now();
  for (WorkerId id = 0; id < workers_.size(); ++id) {
    Worker& worker = workers_[id];
    if (worker.phase == Phase::kOut) continue;
    if (now - worker.heard > world_.scenario.dead_after && world_.bug != Bug::kDeadNeverRemoved) {
      Remove(id);
    } else if (worker.phase == Phase::kAskingClocks) {
      SendTo(worker.clocks_missing, MessageType::kClockAsk, id, worker.incarnation, 0);
    } else if (worker.phase == Phase::kJoining) {
      SendTo(worker.told.missing, MessageType::kJoin, id, worker.incarnation, worker.clock);
    }
  }
  for (const Removal& removal : removals_) {
    const Told& told = removal.told;
    SendTo(told.missing, MessageType::kJoin, removal.worker, told.incarnation, told.clock);
    SendTo(removal.leaves_missing & ~told.missing, MessageType::kLeave, removal.worker, told.incarnation, 0);
  }
  std::erase_if(removals_, [](const Removal& removal) { return removal.leaves_missing == 0; });
  SendTo(epoch_missing_, MessageType::kEpoch, 0, 0, 0);
}

void Coordinator::NewEpoch() {
  ++epoch_;
  epoch_missing_ = AllShards();
  world_.Log("coordinator: epoch ", epoch_);
  SendTo(epoch_missing_, MessageType::kEpoch, 0, 0, 0);
}

}  // namespace downpour::sim
