#include "worker/client/shard_request.h"

#include <algorithm>

namespace downpour {
namespace {

bool Before(const ShardRequest* a, const ShardRequest* b) {
  return a->priority != b->priority ? a->priority < b->priority : a->order < b->order;
}

}  // namespace

void SendQueue::Add(ShardRequest* request) {
  if (requests_.empty() || Before(requests_.back(), request)) {
    requests_.push_back(request);
    return;
  }
  requests_.insert(std::upper_bound(requests_.begin(), requests_.end(), request, Before), request);
}

void SendQueue::Erase(ShardRequest* request) {
  const auto found = std::lower_bound(requests_.begin(), requests_.end(), request, Before);
  if (found != requests_.end() && *found == request) requests_.erase(found);
}

bool ShardNumbers::Begin(ShardPush* push) {
  if (!waiting_.empty() || !HasRoom()) {
    waiting_.push_back(push);
    return false;
  }
  push->sequence = next_++;
  open_.push_back(push);
  return true;
}

ShardPush* ShardNumbers::Find(uint64_t sequence) const {
  const auto found = std::lower_bound(open_.begin(), open_.end(), sequence,
                                      [](const ShardPush* push, uint64_t number) { return push->sequence < number; });
  return found != open_.end() && (*found)->sequence == sequence ? *found : nullptr;
}

std::vector<ShardPush*> ShardNumbers::End(ShardPush* push) {
  if (push->sequence == 0) {
    waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), push), waiting_.end());
    return {};
  }
  const auto found = std::find(open_.begin(), open_.end(), push);
  if (found != open_.end()) open_.erase(found);
  std::vector<ShardPush*> begun;
  while (!waiting_.empty() && HasRoom()) {
    ShardPush* const next = waiting_.front();
    waiting_.pop_front();
    next->sequence = next_++;
    open_.push_back(next);
    begun.push_back(next);
  }
  return begun;
}

void ShardNumbers::Restart() {
  next_ = 1;
  open_.clear();
  waiting_.clear();
}

}  // namespace downpour
