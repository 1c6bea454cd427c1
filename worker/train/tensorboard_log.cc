#include "worker/train/tensorboard_log.h"

#include <unistd.h>

#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/string_view.h"

namespace downpour {
namespace {

// Tells apart the files of processes that share a folder.
std::string Suffix() {
  std::array<char, 256> host = {};
  if (gethostname(host.data(), host.size() - 1) != 0 || std::strchr(host.data(), '/') != nullptr) host = {"host"};
  return absl::StrCat(host.data(), ".", getpid());
}

}  // namespace

absl::StatusOr<std::unique_ptr<TensorBoardLog>> TensorBoardLog::Create(const std::string& folder,
                                                                       std::function<absl::Time()> now) {
  DP_ASSIGN_OR_RETURN(std::unique_ptr<EventFile> file, EventFile::Create(folder, now(), Suffix()));
  return std::unique_ptr<TensorBoardLog>(new TensorBoardLog(std::move(file), std::move(now)));
}

void TensorBoardLog::Progressed(const RunProgress& progress) {
  Add(progress.step, "train/loss", progress.loss);
  Add(progress.step, "train/accuracy", progress.accuracy);
  Add(progress.step, "train/learning_rate", progress.learning_rate);
  Add(progress.step, "train/examples_per_second", progress.examples_per_second);
  Add(progress.step, "train/staleness", progress.staleness);
  Flush();
}

void TensorBoardLog::Evaluated(const RunEvaluation& evaluation) {
  const std::string prefix = absl::StrCat("eval/", evaluation.split, "/");
  Add(evaluation.step, prefix + "loss", evaluation.loss);
  Add(evaluation.step, prefix + "accuracy", evaluation.accuracy);
  Flush();
}

void TensorBoardLog::Histograms(uint64_t step, std::span<const RunTensor> tensors) {
  const auto add = [&](const char* prefix, std::string_view name, std::span<const float> values) {
    if (values.empty()) return;
    // Errors stay with the file, and come up in Flush.
    (void)file_->AddHistogram(now_(), static_cast<int64_t>(step), absl::StrCat(prefix, ToAbsl(name)),
                              MakeHistogram(values));
  };
  for (const RunTensor& tensor : tensors) {
    add("weights/", tensor.name, tensor.weights);
    add("gradients/", tensor.name, tensor.gradient);
  }
  Flush();
}

void TensorBoardLog::Ended(const RunEnd&) { Flush(); }

void TensorBoardLog::Add(uint64_t step, const std::string& tag, double value) {
  if (std::isnan(value)) return;
  (void)file_->AddScalar(now_(), static_cast<int64_t>(step), tag, value);
}

void TensorBoardLog::Flush() {
  const absl::Status status = file_->Flush();
  if (status.ok() || failed_) return;
  failed_ = true;
  DP_LOG(ERROR) << "TensorBoard's log ends here: " << status;
}

}  // namespace downpour
