#include "worker/client/operation.h"

#include <algorithm>

namespace downpour {

size_t OperationResult::Count(ShardFate fate) const {
  return std::count_if(pushes.begin(), pushes.end(), [&](const ShardOutcome& push) { return push.fate == fate; });
}

const OperationResult& Operation::Wait() const {
  over_.wait(false, std::memory_order_acquire);
  return result_;
}

void Operation::Announce() {
  if (done_) done_(result_);
  done_ = nullptr;
  over_.store(true, std::memory_order_release);
  over_.notify_all();
}

}  // namespace downpour
