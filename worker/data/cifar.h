// CIFAR-10 and CIFAR-100 in their binary version.
#ifndef DOWNPOUR_WORKER_DATA_CIFAR_H_
#define DOWNPOUR_WORKER_DATA_CIFAR_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/dataset.h"

namespace downpour {

// What a record begins with, before its 3 x 32 x 32 pixels.
enum class CifarKind {
  kCifar10,         // the label, 0 to 9
  kCifar100Coarse,  // the coarse label, 0 to 19, which is used, and the fine one
  kCifar100Fine,    // the coarse label and the fine one, 0 to 99, which is used
};

// The files of a split as the official archives have them: data_batch_1.bin to data_batch_5.bin and test_batch.bin, or
// train.bin and test.bin.
std::vector<std::string> CifarFileNames(CifarKind kind, Split split);

// The records of all files, in order, read into memory and checked as a whole: each file has one whole record or more,
// and every label is in its range. DATA_LOSS for what a file holds, with path and offset; NOT_FOUND for a missing file.
absl::StatusOr<std::unique_ptr<ImageDataset>> LoadCifar(CifarKind kind, const std::vector<std::string>& paths);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_CIFAR_H_
