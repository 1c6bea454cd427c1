// What a trainer reads: examples by number, of images or of table rows.
#ifndef DOWNPOUR_WORKER_DATA_DATASET_H_
#define DOWNPOUR_WORKER_DATA_DATASET_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace downpour {

enum class Split { kTrain, kTest };

// "train" or "test".
const char* SplitName(Split split);

// Where the channels of a stored pixel lie.
enum class PixelLayout {
  kInterleaved,  // height x width x channels
  kPlanar,       // channels x height x width
};

// Images of one size, one byte a channel, each with one class.
struct ImageSchema {
  int height = 0;
  int width = 0;
  int channels = 0;
  PixelLayout layout = PixelLayout::kInterleaved;
  int classes = 0;

  size_t image_bytes() const {
    return static_cast<size_t>(height) * static_cast<size_t>(width) * static_cast<size_t>(channels);
  }
  bool operator==(const ImageSchema&) const = default;
};

// INVALID_ARGUMENT unless 1 <= height, width <= 4096, 1 <= channels <= 16 and 2 <= classes <= 2^20.
absl::Status ValidateImageSchema(const ImageSchema& schema);

struct ImageExample {
  const uint8_t* pixels = nullptr;  // schema().image_bytes() of them
  int32_t label = 0;                // in [0, schema().classes)
};

// A fixed number of labelled images. All calls are const and safe from any number of threads at once.
class ImageDataset {
 public:
  virtual ~ImageDataset() = default;

  virtual const ImageSchema& schema() const = 0;
  virtual uint64_t size() const = 0;  // examples, at least 1

  // Example `index`, which is below size(). The pixels lie in the data set itself (sets that are in memory copy
  // nothing) or in `scratch`, which has at least schema().image_bytes() bytes, and hold as long as both do.
  virtual ImageExample Get(uint64_t index, std::span<uint8_t> scratch) const = 0;
};

// Rows of numbers, of categories, and a label.
struct TableSchema {
  std::vector<std::string> dense;        // names of the columns of numbers
  std::vector<std::string> categorical;  // names of the columns of categories
  int classes = 0;                       // labels are 0, 1, ..., classes - 1; with 0 classes any finite number

  bool operator==(const TableSchema&) const = default;
};

struct TableExample {
  std::span<const float> dense;    // one for each of schema().dense, finite
  std::span<const uint64_t> keys;  // one for each of schema().categorical; equal keys are equal categories
  float label = 0;
};

// A fixed number of labelled rows. All calls are const and safe from any number of threads at once.
class TableDataset {
 public:
  // Room for a row that is not kept in memory.
  struct Scratch {
    std::vector<float> dense;
    std::vector<uint64_t> keys;
  };

  virtual ~TableDataset() = default;

  virtual const TableSchema& schema() const = 0;
  virtual uint64_t size() const = 0;  // rows, at least 1

  // Row `index`, which is below size(); its values lie in the data set or in `scratch`, and hold as long as both do.
  virtual TableExample Get(uint64_t index, Scratch& scratch) const = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_DATASET_H_
