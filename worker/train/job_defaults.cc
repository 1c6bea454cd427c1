#include "worker/train/job_defaults.h"

#include <filesystem>
#include <string>

namespace downpour {
namespace {

// The macros keep each default on one line beside its field: a field that is not given gets it.
#define DP_DEFAULT(message, field, value) \
  if (!(message).has_##field()) (message).set_##field(value)

void FillIn(DataConfig& data, uint64_t seed) {
  switch (data.source_case()) {
    case DataConfig::kIdx:
      DP_DEFAULT(*data.mutable_idx(), classes, 10);
      break;
    case DataConfig::kSyntheticImages: {
      DataConfig::SyntheticImages& images = *data.mutable_synthetic_images();
      DP_DEFAULT(images, height, 28);
      DP_DEFAULT(images, width, 28);
      DP_DEFAULT(images, channels, 1);
      DP_DEFAULT(images, classes, 10);
      DP_DEFAULT(images, train_examples, 60'000);
      DP_DEFAULT(images, test_examples, 10'000);
      DP_DEFAULT(images, noise, 0.25);
      DP_DEFAULT(images, seed, seed);
      break;
    }
    case DataConfig::kSyntheticTable: {
      DataConfig::SyntheticTable& table = *data.mutable_synthetic_table();
      DP_DEFAULT(table, dense, 8);
      DP_DEFAULT(table, categorical, 8);
      DP_DEFAULT(table, categories, 1000);
      DP_DEFAULT(table, train_examples, 200'000);
      DP_DEFAULT(table, test_examples, 20'000);
      DP_DEFAULT(table, noise, 0.5);
      DP_DEFAULT(table, seed, seed);
      break;
    }
    case DataConfig::kCsv: {
      DataConfig::Csv& csv = *data.mutable_csv();
      DP_DEFAULT(csv, classes, 2);
      if (csv.delimiter().empty()) {
        const std::string& name = csv.train_file();
        csv.set_delimiter(name.ends_with(".tsv") || name.ends_with(".tsv.gz") ? "\t" : ",");
      }
      break;
    }
    default:
      break;
  }
  DP_DEFAULT(*data.mutable_augmentation(), contrast_low, 1);
  DP_DEFAULT(*data.mutable_augmentation(), contrast_high, 1);
  DP_DEFAULT(data, slice_batches, 32);
}

}  // namespace

void FillInDefaults(std::string_view file, JobConfig* config) {
  if (config->name().empty()) config->set_name(std::filesystem::path(file).stem().string());
  DP_DEFAULT(*config, batch, 128);
  DP_DEFAULT(*config, seed, 1);
  if (config->has_data()) FillIn(*config->mutable_data(), config->seed());
  if (config->optimizer().rule_case() == OptimizerConfig::RULE_NOT_SET) config->mutable_optimizer()->mutable_sgd();

  PolicyConfig& policy = *config->mutable_policy();
  if (policy.rule_case() == PolicyConfig::RULE_NOT_SET) policy.mutable_async();
  if (policy.has_async()) {
    DP_DEFAULT(*policy.mutable_async(), fetch_every, 1);
    DP_DEFAULT(*policy.mutable_async(), push_every, 1);
  }

  EvaluationConfig& evaluation = *config->mutable_evaluation();
  if (!evaluation.has_every_steps()) DP_DEFAULT(evaluation, every_epochs, 1);
  DP_DEFAULT(evaluation, use_average, config->optimizer().has_average());
  if (evaluation.has_early_stopping()) DP_DEFAULT(*evaluation.mutable_early_stopping(), patience, 5);

  CheckpointConfig& checkpoint = *config->mutable_checkpoint();
  DP_DEFAULT(checkpoint, every_minutes, 10);
  DP_DEFAULT(checkpoint, keep, 3);
  DP_DEFAULT(checkpoint, keep_best, true);
  DP_DEFAULT(checkpoint, at_end, true);

  LoggingConfig& logging = *config->mutable_logging();
  DP_DEFAULT(logging, every_steps, 50);
  DP_DEFAULT(logging, histograms_every_steps, 1000);

  ReplicaConfig& replica = *config->mutable_replica();
  if (replica.compute() == DATA_TYPE_UNSPECIFIED) replica.set_compute(FLOAT32);
  if (replica.push() == DATA_TYPE_UNSPECIFIED) replica.set_push(FLOAT32);
  if (policy.has_model_averaging() || policy.has_elastic_averaging() || replica.has_local()) {
    DP_DEFAULT(*replica.mutable_local(), learning_rate, 0.01);
  }
}

#undef DP_DEFAULT

}  // namespace downpour
