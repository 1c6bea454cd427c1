#include "worker/device/reference/work_queues.h"

#include <algorithm>
#include <utility>

#include "common/base/clock.h"

namespace downpour::reference {

void WorkQueues::Enqueue(Queue queue, std::function<void()> work) {
  MutexLock lock(&mutex_);
  Submit({.kind = Kind::kWork, .queue = queue, .work = std::move(work), .point = nullptr});
}

void WorkQueues::Record(Queue queue, std::shared_ptr<Point> point) {
  MutexLock lock(&mutex_);
  Submit({.kind = Kind::kRecord, .queue = queue, .work = nullptr, .point = std::move(point)});
}

void WorkQueues::WaitFor(Queue queue, std::shared_ptr<Point> point) {
  MutexLock lock(&mutex_);
  Submit({.kind = Kind::kWait, .queue = queue, .work = nullptr, .point = std::move(point)});
}

void WorkQueues::Submit(Task task) {
  if (recording_) {
    recorded_.push_back(std::move(task));
  } else {
    Place(std::move(task));
  }
}

void WorkQueues::Place(Task task) {
  if (task.kind == Kind::kRecord) {
    task.mark = ++task.point->recorded;
    task.point->queue = task.queue;
  } else if (task.kind == Kind::kWait) {
    task.mark = task.point->recorded;
  }
  const Queue queue = task.queue;
  queues_[static_cast<size_t>(queue)].push_back(std::move(task));
  if (!deferred_) RunOne(queue);
}

void WorkQueues::RunOne(Queue queue) {
  std::deque<Task>& tasks = queues_[static_cast<size_t>(queue)];
  const Task task = std::move(tasks.front());
  tasks.pop_front();
  switch (task.kind) {
    case Kind::kWork:
      task.work();
      break;
    case Kind::kRecord:
      task.point->reached = std::max(task.point->reached, task.mark);
      task.point->time = SteadyClock::Get().Now();
      break;
    case Kind::kWait:
      RunUntil(*task.point, task.mark);
      break;
  }
}

// Tasks were placed in an order in which they can run, so what is waited for is never behind the wait.
void WorkQueues::RunUntil(const Point& point, uint64_t mark) {
  while (point.reached < mark && !queues_[static_cast<size_t>(point.queue)].empty()) RunOne(point.queue);
}

void WorkQueues::RunUntil(const std::shared_ptr<Point>& point) {
  MutexLock lock(&mutex_);
  RunUntil(*point, point->recorded);
}

void WorkQueues::RunAll() {
  MutexLock lock(&mutex_);
  for (const Queue queue : {Queue::kCopyOut, Queue::kCompute, Queue::kCopyIn}) {
    while (!queues_[static_cast<size_t>(queue)].empty()) RunOne(queue);
  }
}

bool WorkQueues::Reached(const Point& point) {
  MutexLock lock(&mutex_);
  return point.reached == point.recorded;
}

absl::Duration WorkQueues::TimeOf(const Point& point) {
  MutexLock lock(&mutex_);
  return point.time;
}

void WorkQueues::StartRecording() {
  MutexLock lock(&mutex_);
  recording_ = true;
}

std::vector<WorkQueues::Task> WorkQueues::StopRecording() {
  MutexLock lock(&mutex_);
  recording_ = false;
  return std::exchange(recorded_, {});
}

void WorkQueues::Replay(const std::vector<Task>& tasks) {
  MutexLock lock(&mutex_);
  for (const Task& task : tasks) Place(task);
}

}  // namespace downpour::reference
