// What a model's losses take for labels.
#ifndef DOWNPOUR_WORKER_TRAIN_MODEL_LABELS_H_
#define DOWNPOUR_WORKER_TRAIN_MODEL_LABELS_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "common/tensor/aligned_buffer.h"
#include "worker/train/job.h"

namespace downpour {

// Whether labels are float32 for the model of the job; int32 otherwise.
bool LabelsAreReal(const LoadedJob& job);

// INVALID_ARGUMENT, at the place of `field`, if labels 0, 1, ..., classes - 1 are more than a loss of the model takes.
// `what` has them: "cifar100". With 0 classes, labels are any numbers, and a loss that takes classes is an error.
absl::Status CheckClasses(const LoadedJob& job, std::string_view field, std::string_view what, int64_t classes);

// Whether a loss takes labels in [0, 1] alone.
bool LabelsAreShares(const LoadedJob& job);

// Makes `memory` hold the labels as float32 or int32.
template <typename Label>
absl::Status WriteLabels(std::span<const Label> labels, bool real, AlignedBuffer* memory);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_MODEL_LABELS_H_
