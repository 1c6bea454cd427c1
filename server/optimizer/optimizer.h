// What one update does to a shard, as numbers: the rule, the rate of this step, clipping, the moving average.
#ifndef DOWNPOUR_SERVER_OPTIMIZER_OPTIMIZER_H_
#define DOWNPOUR_SERVER_OPTIMIZER_OPTIMIZER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/schedule/schedule.h"
#include "common/sharding/table_spec.h"
#include "kernels/update.h"
#include "proto/optimizer.pb.h"
#include "server/optimizer/rule_settings.h"

namespace downpour {

// What is known about an update before it is made.
struct StepFacts {
  uint64_t step = 0;          // updates applied to this shard before this one
  double rate_scale = 1;      // multiplies the learning rate: the staleness-aware rate; finite, >= 0
  double gradient_scale = 1;  // multiplies the gradient before anything else looks at it: 1/n for a sum of n; finite
  // The sum of squares of the table's gradient before gradient_scale, finite. Only needs_gradient_norm() looks at it.
  std::optional<double> gradient_squared_norm = std::nullopt;
};

// The optimizer of one table. It holds no state of the training: slots and averages lie with the shard, the step count
// comes in with each update, so one instance serves every shard of the table. Immutable; any thread may call it.
// The pass over the elements is ApplyUpdate (apply.h); formulas are in docs/optimizers.md.
class Optimizer {
 public:
  // Checks every field; the error names the field, its value and the allowed range.
  static absl::StatusOr<std::unique_ptr<const Optimizer>> Create(const OptimizerConfig& config);

  // The same for one table of the job, which may multiply the rate, decay otherwise, or be a statistic: what is pushed
  // to that is subtracted as it is.
  static absl::StatusOr<std::unique_ptr<const Optimizer>> CreateForTable(const OptimizerConfig& config,
                                                                         const TableSpec& table);

  // The rule of the pass; kLambMoments for LAMB, whose update is finished by a second pass of kLambApply.
  UpdateRule rule() const { return settings_.rule; }

  // Values of the same shape as the weights that the rule keeps: how many, their names, what they start from. The
  // names are unique, and stable, since checkpoints carry them.
  int slot_count() const { return static_cast<int>(settings_.slots.size()); }
  std::string_view slot_name(int slot) const { return settings_.slots[slot].name; }
  float slot_initial(int slot) const { return settings_.slots[slot].initial; }

  // Whether a moving average of the weights is kept; it starts as a copy of the initial weights.
  bool has_average() const { return average_decay_.has_value(); }

  // Whether the server has to remember the weights that each worker pulled.
  bool needs_pulled_weights() const { return delay_lambda_ > 0; }

  // Whether Prepare has to know the norm of the gradient.
  bool needs_gradient_norm() const { return clip_norm_.has_value(); }

  // The learning rate after `step` updates, before rate_scale.
  double rate(uint64_t step) const;

  // The scalars of the pass, or of LAMB's first. With needs_gradient_norm() the facts must carry the norm. Delay
  // compensation happens where the arrays of the pass have `weight_pulled`.
  UpdateScalars Prepare(const StepFacts& facts) const;

 private:
  Optimizer(RuleSettings settings, Schedule schedule);

  static absl::StatusOr<std::unique_ptr<Optimizer>> Make(const OptimizerConfig& config);

  double ClipScale(const StepFacts& facts) const;

  RuleSettings settings_;
  Schedule schedule_;
  double rate_multiplier_ = 1;
  bool is_state_ = false;
  std::optional<double> clip_value_;
  std::optional<double> clip_norm_;
  std::optional<double> average_decay_;
  double delay_lambda_ = 0;
};

// The scalars of LAMB's second pass: those of the first with the trust ratio |w| / |u| in the rate. Where either norm
// is zero the ratio is 1.
UpdateScalars WithTrustRatio(UpdateScalars moments, const LambNorms& norms);

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_OPTIMIZER_OPTIMIZER_H_
