#include "worker/train/model_labels.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/string_view.h"

namespace downpour {
namespace {

// Calls `visit` for each loss that takes the labels.
template <typename Visit>
void ForLossesOfLabels(const LoadedJob& job, const Visit& visit) {
  for (const size_t loss : job.graph->losses()) {
    const std::span<const TensorId> inputs = job.graph->InputsOf(loss);
    if (std::find(inputs.begin(), inputs.end(), job.inputs.labels) != inputs.end()) visit(loss);
  }
}

}  // namespace

bool LabelsAreReal(const LoadedJob& job) {
  return job.graph->inputs()[job.inputs.labels].type.element_type == ElementType::kReal;
}

bool LabelsAreShares(const LoadedJob& job) {
  bool shares = false;
  ForLossesOfLabels(job,
                    [&](size_t loss) { shares |= job.graph->layers()[loss].As<SigmoidCrossEntropy>() != nullptr; });
  return shares;
}

absl::Status CheckClasses(const LoadedJob& job, std::string_view field, std::string_view what, int64_t classes) {
  absl::Status status;
  ForLossesOfLabels(job, [&](size_t index) {
    const Layer& loss = job.graph->layers()[index];
    const std::string of_loss = absl::StrCat("loss \"", loss.name, "\" of the model");
    if (const auto* const softmax = loss.As<SoftmaxCrossEntropy>()) {
      if (classes == 0) {
        status = job.Wrong(field, absl::StrCat("labels of ", ToAbsl(what), " may be any numbers, and ", of_loss,
                                               " takes whole ones below ", softmax->classes, ": say how many classes"));
      } else if (classes > softmax->classes) {
        const std::string& judged = job.graph->tensors()[job.graph->InputsOf(index)[0]].name;
        status = job.Wrong(field, absl::StrCat(ToAbsl(what), " has ", classes, " classes, and ", of_loss, " takes ",
                                               softmax->classes, ": let its input \"", judged, "\" have ", classes,
                                               " numbers, or take data with fewer classes"));
      }
    } else if (loss.As<SigmoidCrossEntropy>() != nullptr && classes > 2) {
      status = job.Wrong(field, absl::StrCat(ToAbsl(what), " has ", classes, " classes, and ", of_loss,
                                             " takes two (0 and 1): use softmax_cross_entropy"));
    }
  });
  return status;
}

template <typename Label>
absl::Status WriteLabels(std::span<const Label> labels, bool real, AlignedBuffer* memory) {
  static_assert(sizeof(float) == sizeof(int32_t));
  const size_t bytes = labels.size() * sizeof(float);
  if (memory->size() < bytes) {
    DP_ASSIGN_OR_RETURN(*memory, AlignedBuffer::Allocate(bytes));
  }
  if (real) {
    std::transform(labels.begin(), labels.end(), memory->Elements<float>().begin(),
                   [](Label label) { return static_cast<float>(label); });
  } else {
    std::transform(labels.begin(), labels.end(), memory->Elements<int32_t>().begin(),
                   [](Label label) { return static_cast<int32_t>(label); });
  }
  return absl::OkStatus();
}

template absl::Status WriteLabels<int32_t>(std::span<const int32_t>, bool, AlignedBuffer*);
template absl::Status WriteLabels<float>(std::span<const float>, bool, AlignedBuffer*);

}  // namespace downpour
