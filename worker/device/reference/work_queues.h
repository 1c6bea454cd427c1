// Queues of work that run at once, or as late as events allow.
#ifndef DOWNPOUR_WORKER_DEVICE_REFERENCE_WORK_QUEUES_H_
#define DOWNPOUR_WORKER_DEVICE_REFERENCE_WORK_QUEUES_H_

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "worker/device/device.h"

namespace downpour::reference {

// Deferred work runs on the thread that waits, under the lock; work must not call the queues.
class WorkQueues {
 public:
  // What an event stands for. Written under the lock of the queues.
  struct Point {
    uint64_t recorded = 0;  // how many times it was enqueued
    uint64_t reached = 0;   // the last of those that ran
    Queue queue = Queue::kCompute;
    absl::Duration time;
  };

  enum class Kind : uint8_t { kWork, kRecord, kWait };
  struct Task {
    Kind kind = Kind::kWork;
    Queue queue = Queue::kCompute;
    std::function<void()> work;
    std::shared_ptr<Point> point;
    uint64_t mark = 0;  // of the point's records, the one that is made or waited for
  };

  explicit WorkQueues(bool deferred) : deferred_(deferred) {}

  void Enqueue(Queue queue, std::function<void()> work) DP_EXCLUDES(mutex_);
  void Record(Queue queue, std::shared_ptr<Point> point) DP_EXCLUDES(mutex_);
  void WaitFor(Queue queue, std::shared_ptr<Point> point) DP_EXCLUDES(mutex_);

  // Runs what must have run for the point to be reached, and nothing else.
  void RunUntil(const std::shared_ptr<Point>& point) DP_EXCLUDES(mutex_);
  void RunAll() DP_EXCLUDES(mutex_);
  bool Reached(const Point& point) DP_EXCLUDES(mutex_);
  absl::Duration TimeOf(const Point& point) DP_EXCLUDES(mutex_);

  // Between the two calls tasks are collected instead of enqueued.
  void StartRecording() DP_EXCLUDES(mutex_);
  std::vector<Task> StopRecording() DP_EXCLUDES(mutex_);
  void Replay(const std::vector<Task>& tasks) DP_EXCLUDES(mutex_);

 private:
  void Submit(Task task) DP_REQUIRES(mutex_);
  void Place(Task task) DP_REQUIRES(mutex_);
  void RunOne(Queue queue) DP_REQUIRES(mutex_);
  void RunUntil(const Point& point, uint64_t mark) DP_REQUIRES(mutex_);

  const bool deferred_;
  Mutex mutex_;
  bool recording_ DP_GUARDED_BY(mutex_) = false;
  std::vector<Task> recorded_ DP_GUARDED_BY(mutex_);
  std::array<std::deque<Task>, kQueueCount> queues_ DP_GUARDED_BY(mutex_);
};

}  // namespace downpour::reference

#endif  // DOWNPOUR_WORKER_DEVICE_REFERENCE_WORK_QUEUES_H_
