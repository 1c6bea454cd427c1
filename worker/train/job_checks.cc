#include "worker/train/job_checks.h"

#include <limits>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "common/config/field_check.h"
#include "common/schedule/schedule.h"

namespace downpour {
namespace {

constexpr uint32_t kBatchMax = 1u << 20;
constexpr uint32_t kThreadsMax = 256;

// A number within an interval, and so on, with the place of the field in front of the complaint.
class Checker {
 public:
  explicit Checker(const LoadedJob& job) : job_(job) {}

  absl::Status In(std::string_view field, double value, const Interval& interval) const {
    return Placed(field, CheckField(field, value, interval));
  }
  absl::Status AtLeast(std::string_view field, uint64_t value, uint64_t least) const {
    return Placed(field, CheckAtLeast(field, value, least));
  }
  absl::Status Between(std::string_view field, uint64_t value, uint64_t least, uint64_t most) const {
    if (value >= least && value <= most) return absl::OkStatus();
    return job_.Wrong(field, absl::StrCat("is ", value, "; it must be from ", least, " to ", most));
  }
  absl::Status Given(std::string_view field, const std::string& value) const {
    return value.empty() ? job_.Wrong(field, "is missing") : absl::OkStatus();
  }

 private:
  absl::Status Placed(std::string_view field, const absl::Status& status) const {
    if (status.ok()) return status;
    // The message names the field already.
    return Annotate(status, job_.origins.Place(field));
  }

  const LoadedJob& job_;
};

absl::Status CheckSource(const LoadedJob& job, const Checker& check) {
  const DataConfig& data = job.config.data();
  switch (data.source_case()) {
    case DataConfig::SOURCE_NOT_SET:
      return job.Wrong("data", "is missing: say what to train on, like data { fashion_mnist {} }");
    case DataConfig::kIdx:
      DP_RETURN_IF_ERROR(check.Given("data.idx.train_images", data.idx().train_images()));
      DP_RETURN_IF_ERROR(check.Given("data.idx.train_labels", data.idx().train_labels()));
      if (data.idx().test_images().empty() != data.idx().test_labels().empty()) {
        return job.Wrong("data.idx", "test_images and test_labels go together");
      }
      return check.AtLeast("data.idx.classes", data.idx().classes(), 2);
    case DataConfig::kSyntheticImages: {
      const DataConfig::SyntheticImages& images = data.synthetic_images();
      DP_RETURN_IF_ERROR(check.Between("data.synthetic_images.height", images.height(), 1, 4096));
      DP_RETURN_IF_ERROR(check.Between("data.synthetic_images.width", images.width(), 1, 4096));
      DP_RETURN_IF_ERROR(check.Between("data.synthetic_images.channels", images.channels(), 1, 16));
      DP_RETURN_IF_ERROR(check.Between("data.synthetic_images.classes", images.classes(), 2, 1 << 20));
      DP_RETURN_IF_ERROR(check.AtLeast("data.synthetic_images.train_examples", images.train_examples(), 1));
      DP_RETURN_IF_ERROR(check.AtLeast("data.synthetic_images.test_examples", images.test_examples(), 1));
      return check.In("data.synthetic_images.noise", images.noise(), kNonNegative);
    }
    case DataConfig::kSyntheticTable: {
      const DataConfig::SyntheticTable& table = data.synthetic_table();
      DP_RETURN_IF_ERROR(check.Between("data.synthetic_table.dense", table.dense(), 1, 4096));
      DP_RETURN_IF_ERROR(check.Between("data.synthetic_table.categorical", table.categorical(), 0, 4096));
      DP_RETURN_IF_ERROR(check.AtLeast("data.synthetic_table.categories", table.categories(), 1));
      DP_RETURN_IF_ERROR(check.AtLeast("data.synthetic_table.train_examples", table.train_examples(), 1));
      DP_RETURN_IF_ERROR(check.AtLeast("data.synthetic_table.test_examples", table.test_examples(), 1));
      return check.In("data.synthetic_table.noise", table.noise(), kNonNegative);
    }
    case DataConfig::kCsv: {
      const DataConfig::Csv& csv = data.csv();
      DP_RETURN_IF_ERROR(check.Given("data.csv.train_file", csv.train_file()));
      DP_RETURN_IF_ERROR(check.Given("data.csv.label", csv.label()));
      if (csv.dense().empty()) return job.Wrong("data.csv.dense", "is missing: name the columns to learn from");
      if (csv.delimiter().size() != 1) return job.Wrong("data.csv.delimiter", "has to be one character");
      if (csv.has_empty()) return check.In("data.csv.empty", csv.empty(), {.low = -3.4e38, .high = 3.4e38});
      return absl::OkStatus();
    }
    default:
      return absl::OkStatus();
  }
}

absl::Status CheckData(const LoadedJob& job, const Checker& check) {
  DP_RETURN_IF_ERROR(CheckSource(job, check));
  const DataConfig& data = job.config.data();
  const AugmentationConfig& augmentation = data.augmentation();
  DP_RETURN_IF_ERROR(check.Between("data.augmentation.pad", augmentation.pad(), 0, 4096));
  DP_RETURN_IF_ERROR(check.In("data.augmentation.brightness_delta", augmentation.brightness_delta(),
                              {.high = 255, .high_open = false}));
  DP_RETURN_IF_ERROR(check.In("data.augmentation.contrast_low", augmentation.contrast_low(), kPositive));
  DP_RETURN_IF_ERROR(
      check.In("data.augmentation.contrast_high", augmentation.contrast_high(), {.low = augmentation.contrast_low()}));
  DP_RETURN_IF_ERROR(check.Between("data.prefetch_threads", data.prefetch_threads(), 0, kThreadsMax));
  return check.AtLeast("data.slice_batches", data.slice_batches(), 1);
}

absl::Status CheckBudget(const LoadedJob& job, const Checker& check) {
  const BudgetConfig& budget = job.config.budget();
  if (!budget.has_epochs() && !budget.has_steps() && !budget.has_minutes()) {
    return job.Wrong("budget", "is missing: say when the run ends, like budget { epochs: 10 }");
  }
  if (budget.has_epochs()) DP_RETURN_IF_ERROR(check.In("budget.epochs", budget.epochs(), kPositive));
  if (budget.has_steps()) DP_RETURN_IF_ERROR(check.AtLeast("budget.steps", budget.steps(), 1));
  if (budget.has_minutes()) DP_RETURN_IF_ERROR(check.In("budget.minutes", budget.minutes(), kPositive));
  return absl::OkStatus();
}

absl::Status CheckEvaluation(const LoadedJob& job, const Checker& check) {
  const EvaluationConfig& evaluation = job.config.evaluation();
  if (evaluation.has_every_epochs()) {
    DP_RETURN_IF_ERROR(check.In("evaluation.every_epochs", evaluation.every_epochs(), kPositive));
  }
  if (evaluation.has_every_steps()) {
    DP_RETURN_IF_ERROR(check.AtLeast("evaluation.every_steps", evaluation.every_steps(), 1));
    if (evaluation.has_every_epochs()) return job.Wrong("evaluation", "has every_epochs and every_steps; give one");
  }
  if (evaluation.use_average() && !job.config.optimizer().has_average()) {
    return job.Wrong("evaluation.use_average", "needs optimizer.average, which keeps the moving average");
  }
  if (evaluation.has_examples()) {
    DP_RETURN_IF_ERROR(check.AtLeast("evaluation.examples", evaluation.examples(), 1));
  }
  if (evaluation.has_early_stopping()) {
    if (evaluation.off()) return job.Wrong("evaluation.early_stopping", "needs evaluations, and they are off");
    DP_RETURN_IF_ERROR(check.AtLeast("evaluation.early_stopping.patience", evaluation.early_stopping().patience(), 1));
    DP_RETURN_IF_ERROR(
        check.In("evaluation.early_stopping.improvement", evaluation.early_stopping().improvement(), kNonNegative));
  }
  return absl::OkStatus();
}

absl::Status CheckReplica(const LoadedJob& job, const Checker& check) {
  const ReplicaConfig& replica = job.config.replica();
  if (replica.compute() != FLOAT32 && replica.compute() != BFLOAT16) {
    return job.Wrong("replica.compute",
                     absl::StrCat("is ", DataType_Name(replica.compute()), "; it must be FLOAT32 or BFLOAT16"));
  }
  if (replica.push() != FLOAT32 && replica.push() != BFLOAT16 && replica.push() != FLOAT16) {
    return job.Wrong("replica.push",
                     absl::StrCat("is ", DataType_Name(replica.push()), "; it must be FLOAT32, BFLOAT16 or FLOAT16"));
  }
  if (replica.has_clip_global_norm()) {
    DP_RETURN_IF_ERROR(check.In("replica.clip_global_norm", replica.clip_global_norm(), kPositive));
  }
  DP_RETURN_IF_ERROR(check.Between("replica.virtual_replicas", replica.virtual_replicas(), 0, 4096));
  const PolicyConfig& policy = job.config.policy();
  const bool local = policy.has_model_averaging() || policy.has_elastic_averaging() || policy.async().fetch_every() > 1;
  if (!replica.has_local()) return absl::OkStatus();
  if (!local) {
    return job.Wrong("replica.local",
                     "is for policies under which replicas step on their own: model_averaging, elastic_averaging, and "
                     "async with fetch_every above 1");
  }
  DP_RETURN_IF_ERROR(check.In("replica.local.learning_rate", replica.local().learning_rate(), kNonNegative));
  DP_RETURN_IF_ERROR(check.In("replica.local.momentum", replica.local().momentum(), kShareKept));
  DP_RETURN_IF_ERROR(check.In("replica.local.weight_decay", replica.local().weight_decay(), kNonNegative));
  if (!replica.local().has_schedule()) return absl::OkStatus();
  const absl::Status schedule = Schedule::Create(replica.local().schedule(), replica.local().learning_rate()).status();
  if (schedule.ok()) return schedule;
  return job.Wrong("replica.local.schedule", absl::StrReplaceAll(schedule.message(), {{"optimizer.", "local."}}));
}

absl::Status CheckCheckpoint(const LoadedJob& job, const Checker& check) {
  const CheckpointConfig& checkpoint = job.config.checkpoint();
  if (checkpoint.has_every_steps()) {
    DP_RETURN_IF_ERROR(check.AtLeast("checkpoint.every_steps", checkpoint.every_steps(), 1));
  }
  DP_RETURN_IF_ERROR(check.In("checkpoint.every_minutes", checkpoint.every_minutes(), kPositive));
  return check.AtLeast("checkpoint.keep", checkpoint.keep(), 1);
}

absl::Status CheckName(const LoadedJob& job) {
  for (const char c : job.config.name()) {
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    if (!good)
      return job.Wrong("name", absl::StrCat("is \"", job.config.name(), "\"; it may have letters, digits, _ - ."));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckJob(const LoadedJob& job) {
  const Checker check(job);
  DP_RETURN_IF_ERROR(CheckName(job));
  DP_RETURN_IF_ERROR(CheckData(job, check));
  DP_RETURN_IF_ERROR(check.Between("batch", job.config.batch(), 1, kBatchMax));
  DP_RETURN_IF_ERROR(CheckBudget(job, check));
  DP_RETURN_IF_ERROR(CheckEvaluation(job, check));
  DP_RETURN_IF_ERROR(CheckCheckpoint(job, check));
  DP_RETURN_IF_ERROR(check.AtLeast("logging.every_steps", job.config.logging().every_steps(), 1));
  return CheckReplica(job, check);
}

}  // namespace downpour
