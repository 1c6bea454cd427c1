#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "worker/data/find_data.h"
#include "worker/data/idx.h"
#include "worker/data/known_images.h"
#include "worker/data/synthetic_images.h"
#include "worker/train/job_sources.h"

namespace downpour {
namespace {

using Source = JobSource<ImageDataset>;

struct SyntheticSizes {
  ImageSchema schema;
  uint64_t train_examples = 60'000;
  uint64_t test_examples = 10'000;
  double noise = 0.25;
  uint64_t seed = 1;
};

absl::Status MakeSynthetic(const LoadedJob& job, const SyntheticSizes& sizes, Source* source) {
  SyntheticImagesOptions options = {.schema = sizes.schema, .seed = sizes.seed};
  options.shift = std::min(options.shift, std::min(sizes.schema.height, sizes.schema.width) - 1);
  options.noise = static_cast<float>(sizes.noise);
  for (const Split split : {Split::kTrain, Split::kTest}) {
    options.examples = split == Split::kTrain ? sizes.train_examples : sizes.test_examples;
    absl::StatusOr<std::unique_ptr<ImageDataset>> made = MakeSyntheticImages(options, split);
    if (!made.ok()) return job.origins.Annotate(made.status(), SourceField(job));
    (split == Split::kTrain ? source->train : source->test) = *std::move(made);
  }
  source->from = absl::StrCat("made from seed ", sizes.seed);
  return absl::OkStatus();
}

absl::StatusOr<Source> OpenSynthetic(const LoadedJob& job) {
  const DataConfig::SyntheticImages& config = job.config.data().synthetic_images();
  Source source = {.name = "synthetic images"};
  DP_RETURN_IF_ERROR(MakeSynthetic(job,
                                   {.schema = {.height = static_cast<int>(config.height()),
                                               .width = static_cast<int>(config.width()),
                                               .channels = static_cast<int>(config.channels()),
                                               .layout = PixelLayout::kPlanar,
                                               .classes = static_cast<int>(config.classes())},
                                    .train_examples = config.train_examples(),
                                    .test_examples = config.test_examples(),
                                    .noise = config.noise(),
                                    .seed = config.seed()},
                                   &source));
  return source;
}

std::string StandIn(const std::string& name, const std::string& how_to_get) {
  return absl::StrCat("the files of ", name, " are not here: training on SYNTHETIC images of the same size, so the ",
                      "accuracy says nothing about ", name, ". To get the real ones: ", how_to_get);
}

absl::StatusOr<Source> OpenKnown(const LoadedJob& job, const std::string& name, const std::string& data_dir) {
  const DataPlaces places = DataPlaces::Of(NamedDataFolder(job, data_dir));
  Source source = {.name = name};
  std::string folder;
  absl::Status missing;
  for (const Split split : {Split::kTrain, Split::kTest}) {
    absl::StatusOr<std::unique_ptr<ImageDataset>> opened = OpenKnownImages(name, split, places, &folder);
    if (!opened.ok()) {
      if (!absl::IsNotFound(opened.status()) || !job.config.data().synthetic_if_missing()) return opened.status();
      DP_ASSIGN_OR_RETURN(const KnownImagesFacts facts, FactsOfKnownImages(name));
      DP_RETURN_IF_ERROR(MakeSynthetic(job,
                                       {.schema = facts.schema,
                                        .train_examples = facts.train_examples,
                                        .test_examples = facts.test_examples,
                                        .seed = job.config.seed()},
                                       &source));
      source.notes = {StandIn(name, facts.how_to_get)};
      source.name = absl::StrCat("synthetic images in place of ", name);
      return source;
    }
    (split == Split::kTrain ? source.train : source.test) = *std::move(opened);
  }
  source.from = absl::StrCat("from ", folder);
  return source;
}

// The size of the images that the model takes, for a stand-in of files whose size is not known.
std::optional<ImageSchema> SizeByModel(const LoadedJob& job, int classes) {
  const Shape& shape = job.graph->inputs()[job.inputs.examples].type.shape;
  if (shape.rank() != 3 || *std::max_element(shape.dims().begin(), shape.dims().end()) > 4096) return std::nullopt;
  return ImageSchema{.height = static_cast<int>(shape.dim(0)),
                     .width = static_cast<int>(shape.dim(1)),
                     .channels = 1,
                     .layout = PixelLayout::kInterleaved,
                     .classes = classes};
}

absl::StatusOr<Source> OpenIdx(const LoadedJob& job, const std::string& data_dir) {
  constexpr uint32_t kClassesMax = 1 << 20;
  const DataConfig::Idx& config = job.config.data().idx();
  if (config.classes() > kClassesMax) {
    return job.Wrong("data.idx.classes", absl::StrCat("is ", config.classes(), "; it must be at most ", kClassesMax));
  }
  const int classes = static_cast<int>(config.classes());
  Source source = {.name = config.train_images()};
  const auto open = [&](const char* images, const std::string& images_name, const char* labels,
                        const std::string& labels_name) -> absl::StatusOr<std::unique_ptr<ImageDataset>> {
    DP_ASSIGN_OR_RETURN(const std::string images_path, FindJobFile(job, images, images_name, data_dir));
    DP_ASSIGN_OR_RETURN(const std::string labels_path, FindJobFile(job, labels, labels_name, data_dir));
    if (source.from.empty()) source.from = absl::StrCat("from ", images_path);
    return LoadIdx(images_path, labels_path, classes);
  };
  const auto open_all = [&]() -> absl::Status {
    DP_ASSIGN_OR_RETURN(source.train, open("data.idx.train_images", config.train_images(), "data.idx.train_labels",
                                           config.train_labels()));
    if (config.test_images().empty()) return absl::OkStatus();
    DP_ASSIGN_OR_RETURN(
        source.test, open("data.idx.test_images", config.test_images(), "data.idx.test_labels", config.test_labels()));
    return absl::OkStatus();
  };
  const absl::Status status = open_all();
  const std::optional<ImageSchema> stand_in = SizeByModel(job, classes);
  if (absl::IsNotFound(status) && job.config.data().synthetic_if_missing() && stand_in.has_value()) {
    DP_RETURN_IF_ERROR(MakeSynthetic(job, {.schema = *stand_in, .seed = job.config.seed()}, &source));
    source.notes = {StandIn(config.train_images(), std::string(status.message()))};
    source.name = absl::StrCat("synthetic images in place of ", config.train_images());
    return source;
  }
  DP_RETURN_IF_ERROR(status);
  return source;
}

}  // namespace

absl::StatusOr<JobSource<ImageDataset>> OpenImages(const LoadedJob& job, const std::string& data_dir) {
  const DataConfig& data = job.config.data();
  switch (data.source_case()) {
    case DataConfig::kFashionMnist:
      return OpenKnown(job, "fashion-mnist", data_dir);
    case DataConfig::kMnist:
      return OpenKnown(job, "mnist", data_dir);
    case DataConfig::kCifar10:
      return OpenKnown(job, "cifar10", data_dir);
    case DataConfig::kCifar100:
      return OpenKnown(job, data.cifar100().coarse_labels() ? "cifar100-coarse" : "cifar100", data_dir);
    case DataConfig::kIdx:
      return OpenIdx(job, data_dir);
    default:
      return OpenSynthetic(job);
  }
}

}  // namespace downpour
