// The rule of an OptimizerConfig with its defaults filled in and its numbers checked.
#ifndef DOWNPOUR_SERVER_OPTIMIZER_RULE_SETTINGS_H_
#define DOWNPOUR_SERVER_OPTIMIZER_RULE_SETTINGS_H_

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/update.h"
#include "proto/optimizer.pb.h"

namespace downpour {

struct SlotSettings {
  std::string_view name;  // stable: checkpoints carry it
  float initial = 0;
};

// What a rule does not have keeps its neutral value. Names as in proto/optimizer.proto.
struct RuleSettings {
  UpdateRule rule = UpdateRule::kSgd;  // kLambMoments stands for LAMB
  std::vector<SlotSettings> slots = {};
  double lr = 0;
  double lr_decay = 0;
  double momentum = 0;
  double dampening = 0;
  double beta1 = 0;
  double beta2 = 0;  // alpha of rmsprop
  double eps = 0;
  bool centered = false;
  double l1 = 0;
  double l2 = 0;
  double beta = 0;
  double weight_decay = 0;
  bool decay_is_decoupled = false;  // adamw
};

// Refuses, naming the field under "optimizer", a missing rule and values outside their range.
absl::StatusOr<RuleSettings> ReadRule(const OptimizerConfig& config);

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_OPTIMIZER_RULE_SETTINGS_H_
