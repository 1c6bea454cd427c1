#ifndef DOWNPOUR_SERVER_SERVICE_RECEIVE_BUDGET_H_
#define DOWNPOUR_SERVER_SERVICE_RECEIVE_BUDGET_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace downpour {

// Bytes that all connections together may keep of what they received: pieces of pushes that are not whole yet, and
// pushes that are held for a batch. Thread-safe.
class ReceiveBudget {
 public:
  explicit ReceiveBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  [[nodiscard]] bool TryTake(size_t bytes) {
    size_t taken = taken_.load(std::memory_order_relaxed);
    do {
      if (bytes > bytes_max_ - taken) return false;
    } while (!taken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_relaxed));
    return true;
  }
  void GiveBack(size_t bytes) { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

  size_t taken() const { return taken_.load(std::memory_order_relaxed); }
  size_t bytes_max() const { return bytes_max_; }

 private:
  const size_t bytes_max_;
  std::atomic<size_t> taken_{0};
};

// Bytes taken from a budget, given back when this goes.
class ReceiveCharge {
 public:
  explicit ReceiveCharge(std::shared_ptr<ReceiveBudget> budget) : budget_(std::move(budget)) {}
  ReceiveCharge(const ReceiveCharge&) = delete;
  ReceiveCharge& operator=(const ReceiveCharge&) = delete;
  ~ReceiveCharge() { budget_->GiveBack(bytes_); }

  [[nodiscard]] bool TryAdd(size_t bytes) {
    if (!budget_->TryTake(bytes)) return false;
    bytes_ += bytes;
    return true;
  }
  size_t bytes() const { return bytes_; }

 private:
  const std::shared_ptr<ReceiveBudget> budget_;
  size_t bytes_ = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_RECEIVE_BUDGET_H_
