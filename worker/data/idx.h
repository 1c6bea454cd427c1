// IDX: the format of MNIST and Fashion-MNIST.
#ifndef DOWNPOUR_WORKER_DATA_IDX_H_
#define DOWNPOUR_WORKER_DATA_IDX_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/data/dataset.h"

namespace downpour {

// Grey images and their labels from two IDX files, each plain or compressed with gzip (told by its first bytes, not its
// name). Both are read into memory and checked as a whole: magic number, dimensions, exact length, labels below
// `classes`, as many labels as images. Memory is bounded by the length that a header promises, and a header that
// promises more than its file can hold is refused before anything is allocated.
//
// DATA_LOSS for what a file holds, with path and offset or number of the example; NOT_FOUND and the like for what
// cannot be opened.
absl::StatusOr<std::unique_ptr<ImageDataset>> LoadIdx(const std::string& images_path, const std::string& labels_path,
                                                      int classes = 10);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_IDX_H_
