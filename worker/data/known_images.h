// The public sets of images that are known by name.
#ifndef DOWNPOUR_WORKER_DATA_KNOWN_IMAGES_H_
#define DOWNPOUR_WORKER_DATA_KNOWN_IMAGES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/dataset.h"
#include "worker/data/find_data.h"

namespace downpour {

// "fashion-mnist", "mnist", "cifar10", "cifar100" (fine labels), "cifar100-coarse".
std::vector<std::string> KnownImageSets();

// What a set is known to hold, whether its files are there or not.
struct KnownImagesFacts {
  ImageSchema schema = {};
  uint64_t train_examples = 0;
  uint64_t test_examples = 0;
  std::string how_to_get = {};  // "apt-get install dataset-fashion-mnist (Debian), or ..."
};

// INVALID_ARGUMENT for an unknown name lists the known ones.
absl::StatusOr<KnownImagesFacts> FactsOfKnownImages(std::string_view name);

// Finds and reads a split of a set, and tells in which folder it was, if `folder` is not null. NOT_FOUND says where was
// looked and how to get the files; INVALID_ARGUMENT for an unknown name lists the known ones; errors of what the files
// hold are those of the readers.
absl::StatusOr<std::unique_ptr<ImageDataset>> OpenKnownImages(std::string_view name, Split split,
                                                              const DataPlaces& places, std::string* folder = nullptr);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_KNOWN_IMAGES_H_
