// Images as a model takes them.
#ifndef DOWNPOUR_WORKER_TRAIN_IMAGE_EXAMPLES_H_
#define DOWNPOUR_WORKER_TRAIN_IMAGE_EXAMPLES_H_

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "worker/data/augment.h"
#include "worker/data/batch_maker.h"
#include "worker/data/dataset.h"
#include "worker/train/job.h"
#include "worker/train/job_data.h"

namespace downpour {

// The augmentation of the job from images of `schema` to the input of its model. INVALID_ARGUMENT, with the place of
// the field, both shapes and what to change, where the one does not lead to the other. `what` has them: "cifar10".
absl::StatusOr<Augmenter> FitImages(const LoadedJob& job, std::string_view what, const ImageSchema& schema);

// Images [begin, end) of a set, as examples 0 to end - begin - 1. The augmenter is for its schema.
absl::StatusOr<std::unique_ptr<ExampleSet>> MakeImageExamples(const LoadedJob& job,
                                                              std::shared_ptr<const ImageDataset> images,
                                                              const Augmenter& augmenter, ImageBatchMaker::Mode mode,
                                                              uint64_t begin, uint64_t end);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_IMAGE_EXAMPLES_H_
