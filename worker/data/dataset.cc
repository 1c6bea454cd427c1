#include "worker/data/dataset.h"

#include "absl/strings/str_cat.h"

namespace downpour {
namespace {

absl::Status CheckRange(const char* what, int value, int low, int high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("images with ", what, " ", value, "; it must be in ", low, "..", high));
}

}  // namespace

const char* SplitName(Split split) { return split == Split::kTrain ? "train" : "test"; }

absl::Status ValidateImageSchema(const ImageSchema& schema) {
  absl::Status status = CheckRange("height", schema.height, 1, 4096);
  status.Update(CheckRange("width", schema.width, 1, 4096));
  status.Update(CheckRange("channels", schema.channels, 1, 16));
  status.Update(CheckRange("classes", schema.classes, 2, 1 << 20));
  return status;
}

}  // namespace downpour
