#include "worker/data/batch_maker.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace downpour {
namespace {

absl::Status CheckIndices(std::span<const uint64_t> indices, uint64_t size) {
  for (const uint64_t index : indices) {
    if (index >= size) {
      return absl::OutOfRangeError(absl::StrCat("a batch with example ", index, " of a data set of ", size));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ImageBatchMaker> ImageBatchMaker::Create(const ImageDataset* dataset, const Augmenter& augmenter,
                                                        Mode mode) {
  if (dataset->schema() != augmenter.schema()) {
    return absl::InvalidArgumentError("the augmentation was made for another schema than the data set has");
  }
  return ImageBatchMaker(dataset, augmenter, mode);
}

absl::Status ImageBatchMaker::Make(const BatchRequest& request, ImageBatch* batch) const {
  DP_RETURN_IF_ERROR(CheckIndices(request.indices, dataset_->size()));
  const size_t image_size = augmenter_.output_size();
  const size_t bytes = request.indices.size() * image_size * sizeof(float);
  if (batch->memory.size() < bytes) {
    batch->labels.clear();  // so that images() stays within the memory if there is no more
    DP_ASSIGN_OR_RETURN(batch->memory, AlignedBuffer::Allocate(bytes));
  }
  batch->epoch = request.epoch;
  batch->indices = request.indices;
  batch->image_size = image_size;
  batch->labels.resize(request.indices.size());
  static thread_local std::vector<uint8_t> scratch;
  scratch.resize(dataset_->schema().image_bytes());
  float* out = batch->images().data();
  for (size_t i = 0; i < request.indices.size(); ++i, out += image_size) {
    const uint64_t index = request.indices[i];
    const ImageExample example = dataset_->Get(index, scratch);
    batch->labels[i] = example.label;
    augmenter_.Apply(example.pixels,
                     mode_ == Mode::kTrain ? augmenter_.Draw(request.epoch, index) : augmenter_.Centre(), out);
  }
  return absl::OkStatus();
}

absl::Status MakeTableBatch(const TableDataset& dataset, const BatchRequest& request, TableBatch* batch) {
  DP_RETURN_IF_ERROR(CheckIndices(request.indices, dataset.size()));
  batch->epoch = request.epoch;
  batch->indices = request.indices;
  batch->dense.clear();
  batch->keys.clear();
  batch->labels.clear();
  TableDataset::Scratch scratch;
  for (const uint64_t index : request.indices) {
    const TableExample row = dataset.Get(index, scratch);
    batch->dense.insert(batch->dense.end(), row.dense.begin(), row.dense.end());
    batch->keys.insert(batch->keys.end(), row.keys.begin(), row.keys.end());
    batch->labels.push_back(row.label);
  }
  return absl::OkStatus();
}

}  // namespace downpour
