#include "worker/train/image_examples.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "worker/train/example_range.h"
#include "worker/train/job_sources.h"
#include "worker/train/model_labels.h"

namespace downpour {
namespace {

constexpr int64_t kPadMax = 4096;  // as the job's checks have it

struct Size {
  int64_t height = 0;
  int64_t width = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

// The crop that leads from the images to the model's input.
absl::StatusOr<Size> FitCrop(const LoadedJob& job, std::string_view what, const ImageSchema& schema) {
  const AugmentationConfig& config = job.config.data().augmentation();
  const Graph::Tensor& input = job.graph->inputs()[job.inputs.examples];
  const Shape& shape = input.type.shape;
  const Shape image(schema.height, schema.width, schema.channels);
  const std::string takes = absl::StrCat("the model's input \"", input.name, "\" takes ", shape.ToString());
  const std::string has = absl::StrCat(ToAbsl(what), " has images of ", image.ToString(), " (height, width, channels)");

  const bool is_image = shape.rank() == 3;
  const Size model = is_image ? Size{shape.dim(0), shape.dim(1)} : Size{schema.height, schema.width};
  if (is_image && shape.dim(2) != schema.channels) {
    return job.Wrong(SourceField(job), absl::StrCat(has, ", and ", takes, ": take data with ", shape.dim(2),
                                                    " channels, or change the input to shape: ",
                                                    shape.WithDim(2, schema.channels).ToString()));
  }
  const Size crop = {config.has_crop_height() ? config.crop_height() : model.height,
                     config.has_crop_width() ? config.crop_width() : model.width};
  const Shape cropped(crop.height, crop.width, schema.channels);
  if (is_image && crop != model) {
    return job.Wrong(
        crop.height != model.height ? "data.augmentation.crop_height" : "data.augmentation.crop_width",
        absl::StrCat("crops are ", cropped.ToString(), ", and ", takes,
                     ": leave the size of the crop out, or change the input to shape: ", cropped.ToString()));
  }
  if (!is_image &&
      (crop.height < 1 || crop.width < 1 || input.type.elements != crop.height * crop.width * schema.channels)) {
    return job.Wrong(SourceField(job), absl::StrCat(has, ", crops of them are ", cropped.ToString(), ", and ", takes,
                                                    ": change the input to shape: ", cropped.ToString()));
  }
  const int64_t short_by = std::max(crop.height - schema.height, crop.width - schema.width);
  if (short_by > 2 * int64_t{config.pad()}) {
    const int64_t pad = (short_by + 1) / 2;
    const std::string padded = pad <= kPadMax ? absl::StrCat("give augmentation { pad: ", pad, " }, or ") : "";
    return job.Wrong(SourceField(job),
                     absl::StrCat(has, ", and ", takes, ": ", padded, "change the input to shape: ", image.ToString()));
  }
  return crop;
}

class ImageExamples final : public ExampleSet {
 public:
  ImageExamples(std::shared_ptr<const ImageDataset> images, const ImageBatchMaker& maker, const ExampleRange& range,
                bool real_labels)
      : images_(std::move(images)), maker_(maker), range_(range), real_labels_(real_labels) {}

  uint64_t size() const override { return range_.size(); }

  absl::Status Make(const BatchRequest& request, HostBatch* batch) const override {
    DP_ASSIGN_OR_RETURN(const BatchRequest shifted, range_.Shift(request));
    static thread_local ImageBatch made;
    batch->size = 0;
    std::swap(made.memory, batch->examples);
    const absl::Status status = maker_.Make(shifted, &made);
    std::swap(made.memory, batch->examples);
    DP_RETURN_IF_ERROR(status);
    DP_RETURN_IF_ERROR(WriteLabels(std::span<const int32_t>(made.labels), real_labels_, &batch->labels));
    batch->size = static_cast<int64_t>(request.indices.size());
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<const ImageDataset> images_;
  const ImageBatchMaker maker_;
  const ExampleRange range_;
  const bool real_labels_;
};

}  // namespace

absl::StatusOr<Augmenter> FitImages(const LoadedJob& job, std::string_view what, const ImageSchema& schema) {
  DP_RETURN_IF_ERROR(CheckClasses(job, SourceField(job), what, schema.classes));
  DP_ASSIGN_OR_RETURN(const Size crop, FitCrop(job, what, schema));
  const AugmentationConfig& config = job.config.data().augmentation();
  const AugmentOptions options = {.crop_height = static_cast<int>(crop.height),
                                  .crop_width = static_cast<int>(crop.width),
                                  .pad = static_cast<int>(config.pad()),
                                  .flip = config.flip(),
                                  .brightness_delta = static_cast<float>(config.brightness_delta()),
                                  .contrast_low = static_cast<float>(config.contrast_low()),
                                  .contrast_high = static_cast<float>(config.contrast_high()),
                                  .normalise = config.normalisation() == AugmentationConfig::UNIT
                                                   ? AugmentOptions::Normalise::kUnit
                                                   : AugmentOptions::Normalise::kPerImage};
  absl::StatusOr<Augmenter> augmenter = Augmenter::Create(schema, options, job.config.seed());
  if (!augmenter.ok()) return job.origins.Annotate(augmenter.status(), "data.augmentation");
  return augmenter;
}

absl::StatusOr<std::unique_ptr<ExampleSet>> MakeImageExamples(const LoadedJob& job,
                                                              std::shared_ptr<const ImageDataset> images,
                                                              const Augmenter& augmenter, ImageBatchMaker::Mode mode,
                                                              uint64_t begin, uint64_t end) {
  DP_ASSIGN_OR_RETURN(const ImageBatchMaker maker, ImageBatchMaker::Create(images.get(), augmenter, mode));
  return std::make_unique<ImageExamples>(std::move(images), maker, ExampleRange(begin, end), LabelsAreReal(job));
}

}  // namespace downpour
