// A part of a data set.
#ifndef DOWNPOUR_WORKER_TRAIN_EXAMPLE_RANGE_H_
#define DOWNPOUR_WORKER_TRAIN_EXAMPLE_RANGE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "worker/data/batch_maker.h"

namespace downpour {

// Examples [begin, end) of a set, numbered from 0.
class ExampleRange {
 public:
  ExampleRange(uint64_t begin, uint64_t end) : begin_(begin), end_(end) {}

  uint64_t size() const { return end_ - begin_; }

  // A request for examples of the range as one for those of the set; OUT_OF_RANGE if one is not below size().
  absl::StatusOr<BatchRequest> Shift(BatchRequest request) const {
    for (uint64_t& index : request.indices) {
      if (index >= size()) return absl::OutOfRangeError(absl::StrCat("a batch with example ", index, " of ", size()));
      index += begin_;
    }
    return request;
  }

 private:
  uint64_t begin_;
  uint64_t end_;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_EXAMPLE_RANGE_H_
