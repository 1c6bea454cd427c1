#ifndef DOWNPOUR_TESTS_SIM_EVENT_QUEUE_H_
#define DOWNPOUR_TESTS_SIM_EVENT_QUEUE_H_

#include <algorithm>
#include <cstdint>
#include <vector>

namespace downpour::sim {

// Virtual time, in microseconds since the start of the run.
using Micros = uint64_t;

enum class EventKind : uint8_t {
  kDelivery,          // subject: slot of the message
  kWorkerTimer,       // subject: worker, life: of its process
  kComputed,          // a worker's step is done; likewise
  kRestart,           // of a dead worker; likewise
  kCoordinatorTimer,  // no subject
  kFault,             // no subject
};

struct Event {
  Micros time = 0;
  uint32_t order = 0;  // of events at the same time: first in, first out
  uint32_t subject = 0;
  uint32_t life = 0;
  EventKind kind = EventKind::kDelivery;
};

// What will happen, in order of time. Time goes on by taking the next event, and in no other way.
class EventQueue {
 public:
  Micros now() const { return now_; }
  bool empty() const { return heap_.empty(); }

  void After(Micros delay, EventKind kind, uint32_t subject, uint32_t life = 0) {
    heap_.push_back({.time = now_ + delay, .order = order_++, .subject = subject, .life = life, .kind = kind});
    std::push_heap(heap_.begin(), heap_.end(), Later);
  }

  // Requires !empty().
  Event Next() {
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    const Event event = heap_.back();
    heap_.pop_back();
    now_ = event.time;
    return event;
  }

 private:
  static bool Later(const Event& a, const Event& b) { return a.time != b.time ? a.time > b.time : a.order > b.order; }

  std::vector<Event> heap_;
  Micros now_ = 0;
  uint32_t order_ = 0;
};

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_EVENT_QUEUE_H_
