#include "worker/data/known_images.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "worker/data/cifar.h"
#include "worker/data/idx.h"

namespace downpour {
namespace {

struct KnownSet {
  const char* name;
  std::optional<CifarKind> cifar;  // IDX otherwise
  std::vector<std::string> folders;
  const char* how_to_get;
};

const std::vector<KnownSet>& KnownSets() {
  static const auto* const sets = new std::vector<KnownSet>{
      {"fashion-mnist",
       std::nullopt,
       {"fashion-mnist"},
       "apt-get install dataset-fashion-mnist (Debian), or downpour data fetch fashion-mnist"},
      {"mnist", std::nullopt, {"mnist"}, "downpour data fetch mnist"},
      {"cifar10", CifarKind::kCifar10, {"cifar-10-batches-bin", "cifar10"}, "downpour data fetch cifar10"},
      {"cifar100", CifarKind::kCifar100Fine, {"cifar-100-binary", "cifar100"}, "downpour data fetch cifar100"},
      {"cifar100-coarse", CifarKind::kCifar100Coarse, {"cifar-100-binary", "cifar100"}, "downpour data fetch cifar100"},
  };
  return *sets;
}

std::vector<std::vector<std::string>> FilesOf(const KnownSet& set, Split split) {
  std::vector<std::vector<std::string>> files;
  if (set.cifar.has_value()) {
    for (const std::string& name : CifarFileNames(*set.cifar, split)) files.push_back({name});
  } else {
    const std::string prefix = split == Split::kTrain ? "train-" : "t10k-";
    for (const char* const name : {"images-idx3-ubyte", "labels-idx1-ubyte"}) {
      files.push_back({absl::StrCat(prefix, name), absl::StrCat(prefix, name, ".gz")});
    }
  }
  return files;
}

absl::StatusOr<const KnownSet*> Find(std::string_view name) {
  for (const KnownSet& set : KnownSets()) {
    if (set.name == name) return &set;
  }
  return absl::InvalidArgumentError(absl::StrCat("no set of images is known as \"", ToAbsl(name), "\"; there are ",
                                                 absl::StrJoin(KnownImageSets(), ", ")));
}

}  // namespace

std::vector<std::string> KnownImageSets() {
  std::vector<std::string> names;
  for (const KnownSet& set : KnownSets()) names.push_back(set.name);
  return names;
}

absl::StatusOr<KnownImagesFacts> FactsOfKnownImages(std::string_view name) {
  DP_ASSIGN_OR_RETURN(const KnownSet* const set, Find(name));
  KnownImagesFacts facts = {.test_examples = 10'000, .how_to_get = set->how_to_get};
  if (set->cifar.has_value()) {
    facts.schema = {.height = 32, .width = 32, .channels = 3, .layout = PixelLayout::kPlanar, .classes = 10};
    if (*set->cifar == CifarKind::kCifar100Coarse) facts.schema.classes = 20;
    if (*set->cifar == CifarKind::kCifar100Fine) facts.schema.classes = 100;
    facts.train_examples = 50'000;
  } else {
    facts.schema = {.height = 28, .width = 28, .channels = 1, .layout = PixelLayout::kInterleaved, .classes = 10};
    facts.train_examples = 60'000;
  }
  return facts;
}

absl::StatusOr<std::unique_ptr<ImageDataset>> OpenKnownImages(std::string_view name, Split split,
                                                              const DataPlaces& places, std::string* folder) {
  DP_ASSIGN_OR_RETURN(const KnownSet* const set, Find(name));
  const WantedFiles wanted = {
      .what = absl::StrCat(set->name, " (", SplitName(split), ")"),
      .folders = set->folders,
      .files = FilesOf(*set, split),
      .how_to_get = absl::StrCat(set->how_to_get, places.data_dir.empty() ? "" : " --data_dir=", places.data_dir)};
  DP_ASSIGN_OR_RETURN(const std::vector<std::string> paths, FindData(wanted, places));
  if (folder != nullptr) *folder = paths[0].substr(0, paths[0].rfind('/'));
  return set->cifar.has_value() ? LoadCifar(*set->cifar, paths) : LoadIdx(paths[0], paths[1]);
}

}  // namespace downpour
