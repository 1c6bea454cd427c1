// Work done ahead on other threads.
#ifndef DOWNPOUR_WORKER_DATA_PREFETCHER_H_
#define DOWNPOUR_WORKER_DATA_PREFETCHER_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"

namespace downpour {

// Hands out batches in the order in which a source asks for them, made ahead by threads of its own: whatever their
// number, the batches are the same. At most `ahead` of them are made or waiting, and their memory goes round. Next is
// for one thread at a time; Stop may be called from any.
template <typename Request, typename Batch>
class Prefetcher {
 public:
  struct Options {
    int threads = 1;  // 0: none; Next makes each batch itself
    int ahead = 4;    // batches, at least 1
  };

  // The next request; nothing when there are no more. Called by one thread at a time, in turns, from any of them.
  using Source = std::function<absl::StatusOr<std::optional<Request>>()>;
  // Fills a batch, which may have the contents of an earlier one. Called from several threads at once.
  using Make = std::function<absl::Status(const Request&, Batch*)>;

  Prefetcher(Source source, Make make, Options options)
      : source_(std::move(source)), make_(std::move(make)), slots_(static_cast<size_t>(std::max(options.ahead, 1))) {
    for (int i = 0; i < options.threads; ++i) threads_.emplace_back([this] { Run(); });
  }

  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // Stops and waits for the calls of the source and of make that are under way.
  ~Prefetcher() {
    Stop();
    for (std::thread& thread : threads_) thread.join();
  }

  // Swaps the next batch into `batch`, whose memory is used again. False when there are no more. The first error of the
  // source or of make comes in its place in the order, and again from then on; after Stop it is CANCELLED.
  absl::StatusOr<bool> Next(Batch* batch) {
    if (threads_.empty()) MakeHere();
    MutexLock lock(&mutex_);
    Slot& slot = SlotOf(handed_out_);
    while (!stopped_ && slot.state == State::kEmpty) changed_.Wait(&mutex_);
    if (stopped_) return absl::CancelledError("the batches were stopped");
    if (!slot.status.ok()) return slot.status;
    if (slot.state == State::kEnd) return false;
    using std::swap;
    swap(slot.batch, *batch);
    slot.state = State::kEmpty;
    ++handed_out_;
    changed_.SignalAll();
    return true;
  }

  // Makes Next return at once, now and from now on. Waits for nothing.
  void Stop() {
    MutexLock lock(&mutex_);
    stopped_ = true;
    changed_.SignalAll();
  }

 private:
  enum class State { kEmpty, kFull, kEnd };

  struct Slot {
    State state = State::kEmpty;
    absl::Status status;  // not OK: neither this batch nor any after it comes
    Batch batch;          // while kEmpty, of the thread that has taken its number
  };

  Slot& SlotOf(uint64_t number) DP_REQUIRES(mutex_) { return slots_[number % slots_.size()]; }

  // One batch is made with every turn, until there are no more.
  void Run() {
    while (TakeTurn()) {
    }
  }

  void MakeHere() {
    {
      MutexLock lock(&mutex_);
      if (stopped_ || source_ended_) return;
    }
    TakeTurn();
  }

  // Takes the next request, in its turn, and makes its batch. False if that was the last.
  bool TakeTurn() {
    uint64_t number = 0;
    {
      MutexLock lock(&mutex_);
      while (!stopped_ && !source_ended_ && (source_busy_ || taken_ - handed_out_ >= slots_.size())) {
        changed_.Wait(&mutex_);
      }
      if (stopped_ || source_ended_) return false;
      source_busy_ = true;
      number = taken_++;
    }
    absl::StatusOr<std::optional<Request>> request = source_();
    Slot* slot = nullptr;
    {
      MutexLock lock(&mutex_);
      source_busy_ = false;
      slot = &SlotOf(number);
      if (!request.ok() || !request->has_value()) {
        source_ended_ = true;
        slot->status = request.status();
        slot->state = State::kEnd;
        changed_.SignalAll();
        return false;
      }
      changed_.SignalAll();
    }
    absl::Status status = make_(**request, &slot->batch);
    MutexLock lock(&mutex_);
    if (!status.ok()) source_ended_ = true;
    slot->state = status.ok() ? State::kFull : State::kEnd;
    slot->status = std::move(status);
    changed_.SignalAll();
    return !source_ended_;
  }

  const Source source_;
  const Make make_;

  Mutex mutex_;
  CondVar changed_;
  bool stopped_ DP_GUARDED_BY(mutex_) = false;
  bool source_ended_ DP_GUARDED_BY(mutex_) = false;
  bool source_busy_ DP_GUARDED_BY(mutex_) = false;
  uint64_t taken_ DP_GUARDED_BY(mutex_) = 0;       // requests, numbered from 0
  uint64_t handed_out_ DP_GUARDED_BY(mutex_) = 0;  // batches
  std::vector<Slot> slots_;                        // number n is in n % size; its state is guarded by mutex_

  std::vector<std::thread> threads_;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_PREFETCHER_H_
