#include "server/consistency/live_workers.h"

#include <algorithm>

namespace downpour {
namespace {

bool IdLess(const LiveWorkers::Worker& worker, WorkerId id) { return worker.id < id; }

}  // namespace

const LiveWorkers::Worker* LiveWorkers::Find(WorkerId id) const {
  const auto at = std::lower_bound(workers_.begin(), workers_.end(), id, IdLess);
  return at != workers_.end() && at->id == id ? &*at : nullptr;
}

LiveWorkers::Worker* LiveWorkers::FindMutable(WorkerId id) { return const_cast<Worker*>(Find(id)); }

void LiveWorkers::FindMin() {
  if (workers_.empty()) return;  // the last clock stands
  min_clock_ = workers_[0].clock;
  at_min_ = 0;
  for (const Worker& worker : workers_) {
    if (worker.clock < min_clock_) {
      min_clock_ = worker.clock;
      at_min_ = 0;
    }
    at_min_ += worker.clock == min_clock_;
  }
}

void LiveWorkers::Join(WorkerId id, uint64_t clock) {
  auto at = std::lower_bound(workers_.begin(), workers_.end(), id, IdLess);
  if (at == workers_.end() || at->id != id) at = workers_.insert(at, Worker{});
  *at = {.id = id, .clock = clock};
  FindMin();
}

bool LiveWorkers::Leave(WorkerId id) {
  const auto at = std::lower_bound(workers_.begin(), workers_.end(), id, IdLess);
  if (at == workers_.end() || at->id != id) return false;
  workers_.erase(at);
  FindMin();
  return true;
}

bool LiveWorkers::Advance(WorkerId id, uint64_t clock) {
  Worker* worker = FindMutable(id);
  if (worker == nullptr) return false;
  if (clock <= worker->clock) return true;
  const bool was_at_min = worker->clock == min_clock_;
  worker->clock = clock;
  if (was_at_min && --at_min_ == 0) FindMin();
  return true;
}

void LiveWorkers::SetMark(WorkerId id, uint8_t mark) {
  if (Worker* worker = FindMutable(id)) worker->mark = mark;
}

bool LiveWorkers::OthersReached(WorkerId id, uint64_t clock) const {
  if (empty() || min_clock_ >= clock) return true;
  return std::all_of(workers_.begin(), workers_.end(),
                     [&](const Worker& worker) { return worker.id == id || worker.clock >= clock; });
}

void LiveWorkers::Save(PolicyStateWriter& state) const {
  state.Number(min_clock_);
  state.Number(workers_.size());
  for (const Worker& worker : workers_) {
    state.Number(worker.id);
    state.Number(worker.clock);
    state.Number(worker.mark);
  }
}

bool LiveWorkers::Restore(PolicyStateReader& state, uint8_t mark_max) {
  workers_.clear();
  uint64_t count = 0;
  if (!state.Number(min_clock_) || !state.Number(count)) return false;
  const uint64_t min_clock = min_clock_;
  for (uint64_t i = 0; i < count; ++i) {
    Worker worker;
    if (!state.Number(worker.id) || !state.Number(worker.clock) || !state.Number(worker.mark)) return false;
    if (worker.mark > mark_max || (i > 0 && worker.id <= workers_.back().id)) return false;
    workers_.push_back(worker);
  }
  FindMin();
  return min_clock_ == min_clock;
}

}  // namespace downpour
