// How long a run will still take.
#ifndef DOWNPOUR_WORKER_TRAIN_REMAINING_TIME_H_
#define DOWNPOUR_WORKER_TRAIN_REMAINING_TIME_H_

#include <cstdint>
#include <optional>

namespace downpour {

// Judges by the pace of about the last half minute, evaluations included, so that the figure neither jumps with every
// event nor keeps the memory of a slow start. One thread at a time.
class RemainingTime {
 public:
  // The run ends by whichever comes first; neither: there is no telling.
  RemainingTime(std::optional<uint64_t> steps, std::optional<double> seconds_allowed)
      : steps_(steps), seconds_allowed_(seconds_allowed) {}

  // The run is at `step` after `seconds`.
  void At(uint64_t step, double seconds);

  // In seconds; none before there is a pace or where the budget does not tell.
  std::optional<double> Seconds() const;

 private:
  std::optional<uint64_t> steps_;
  std::optional<double> seconds_allowed_;
  uint64_t step_ = 0;
  double seconds_ = 0;
  // Steps and the time they took, older ones counting less.
  double recent_steps_ = 0;
  double recent_seconds_ = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_REMAINING_TIME_H_
