// The learning rate as a function of the step.
#ifndef DOWNPOUR_COMMON_SCHEDULE_SCHEDULE_H_
#define DOWNPOUR_COMMON_SCHEDULE_SCHEDULE_H_

#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "proto/optimizer.pb.h"

namespace downpour {

// A pure function, in closed form: it holds no position, so that a shard restored from a checkpoint, or one of another
// server, computes the same rate from the same step. proto/optimizer.proto has the formulas. Immutable; any thread.
class Schedule {
 public:
  // Refuses, naming the field under "optimizer.schedule", what ScheduleConfig does not allow. `base_rate` is the rule's
  // lr, finite and >= 0.
  static absl::StatusOr<Schedule> Create(ScheduleConfig config, double base_rate);

  // The rate of the update that comes after `step` others (the first one is step 0), finite and >= 0.
  double rate(uint64_t step) const;

  // Whether every step has the same rate.
  bool is_constant() const;

 private:
  Schedule(ScheduleConfig config, double base_rate) : config_(std::move(config)), base_rate_(base_rate) {}

  double RateWithoutWarmup(uint64_t step) const;

  ScheduleConfig config_;  // every default written out
  double base_rate_;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_SCHEDULE_SCHEDULE_H_
