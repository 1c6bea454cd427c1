#ifndef DOWNPOUR_TESTS_SIM_NETWORK_H_
#define DOWNPOUR_TESTS_SIM_NETWORK_H_

#include <cstdint>
#include <vector>

#include "common/base/philox.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/message.h"
#include "tests/sim/scenario.h"

namespace downpour::sim {

// Carries messages with random delays, so that they overtake each other; loses some, doubles some. Each copy that gets
// through becomes a kDelivery event.
class Network {
 public:
  Network(const Scenario& scenario, EventQueue& events, PhiloxStream& random)
      : servers_(scenario.servers),
        faults_(scenario.network),
        cut_until_(scenario.servers),
        events_(events),
        random_(random) {}

  void Send(Message message) {
    if (ServerCut(message) || Chance(faults_.loss_permille)) return;
    if (Chance(faults_.duplicate_permille)) Carry(Message(message));
    Carry(std::move(message));
  }

  // Brings a message that has arrived again, later: its receiver stalls.
  void Delay(Message message, Micros delay) { events_.After(delay, EventKind::kDelivery, Store(std::move(message))); }

  // Takes a delivered message out of its slot.
  Message Take(uint32_t slot) {
    free_.push_back(slot);
    return std::move(slots_[slot]);
  }

  // Nothing gets to or from the server until then.
  void CutServer(uint32_t server, Micros until) { cut_until_[server] = until; }

  // From now on nothing is lost, doubled or cut off.
  void Heal() {
    faults_.loss_permille = faults_.duplicate_permille = faults_.late_permille = 0;
    cut_until_.assign(cut_until_.size(), 0);
  }

 private:
  bool Chance(uint32_t permille) { return permille > 0 && random_.UniformInt(1000) < permille; }

  bool ServerCut(const Message& message) const {
    switch (message.type) {
      case MessageType::kHeartbeat:
      case MessageType::kJoinAsk:
      case MessageType::kJoinDone:
        return false;
      default:
        return cut_until_[message.shard % servers_] > events_.now();
    }
  }

  void Carry(Message message) {
    Micros delay = faults_.delay_min + random_.UniformInt(faults_.delay_spread + 1);
    if (Chance(faults_.late_permille)) delay *= 20;
    Delay(std::move(message), delay);
  }

  uint32_t Store(Message message) {
    if (free_.empty()) {
      slots_.push_back(std::move(message));
      return slots_.size() - 1;
    }
    const uint32_t slot = free_.back();
    free_.pop_back();
    slots_[slot] = std::move(message);
    return slot;
  }

  const uint32_t servers_;
  NetworkFaults faults_;
  std::vector<Micros> cut_until_;  // by server
  EventQueue& events_;
  PhiloxStream& random_;
  std::vector<Message> slots_;
  std::vector<uint32_t> free_;
};

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_NETWORK_H_
