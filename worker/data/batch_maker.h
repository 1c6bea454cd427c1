// Batches: the examples of one step, side by side.
#ifndef DOWNPOUR_WORKER_DATA_BATCH_MAKER_H_
#define DOWNPOUR_WORKER_DATA_BATCH_MAKER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "common/tensor/aligned_buffer.h"
#include "worker/data/augment.h"
#include "worker/data/dataset.h"

namespace downpour {

// Which examples, and for which epoch, by which their augmentation differs.
struct BatchRequest {
  uint64_t epoch = 0;
  std::vector<uint64_t> indices = {};  // in the data set
};

// Memory that was once big enough is kept when a batch is made again.
struct ImageBatch {
  uint64_t epoch = 0;
  std::vector<uint64_t> indices;  // of the request
  AlignedBuffer memory;           // of at least images().size() floats
  size_t image_size = 0;          // floats of an image
  std::vector<int32_t> labels;

  // count x height x width x channels.
  std::span<float> images() const { return memory.Elements<float>().first(labels.size() * image_size); }
};

struct TableBatch {
  uint64_t epoch = 0;
  std::vector<uint64_t> indices;
  std::vector<float> dense;    // count x columns
  std::vector<uint64_t> keys;  // count x columns
  std::vector<float> labels;
};

// Fills batches from a set of images. Const and safe from any number of threads, on batches of their own.
class ImageBatchMaker {
 public:
  enum class Mode {
    kTrain,     // augmented
    kEvaluate,  // the crop in the middle
  };

  // `dataset` must outlive the maker and have the augmenter's schema; INVALID_ARGUMENT otherwise.
  static absl::StatusOr<ImageBatchMaker> Create(const ImageDataset* dataset, const Augmenter& augmenter, Mode mode);

  // OUT_OF_RANGE if an index is not below the data set's size; RESOURCE_EXHAUSTED if there is no memory.
  absl::Status Make(const BatchRequest& request, ImageBatch* batch) const;

 private:
  ImageBatchMaker(const ImageDataset* dataset, const Augmenter& augmenter, Mode mode)
      : dataset_(dataset), augmenter_(augmenter), mode_(mode) {}

  const ImageDataset* dataset_;
  Augmenter augmenter_;
  Mode mode_;
};

// The same for tables, whose rows are taken as they are.
absl::Status MakeTableBatch(const TableDataset& dataset, const BatchRequest& request, TableBatch* batch);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_BATCH_MAKER_H_
