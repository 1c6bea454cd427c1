#include "worker/train/batch_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace downpour {

BatchStream::BatchStream(const ExampleSet* examples, TakeSlice take_slice, const Options& options)
    : examples_(examples),
      take_slice_(std::move(take_slice)),
      options_(options),
      prefetcher_([this] { return NextRequest(); },
                  [this](const Request& request, StreamBatch* batch) { return Make(request, batch); },
                  // Without threads nothing is to be made ahead, so one batch is all the memory that is needed.
                  {.threads = options.threads, .ahead = options.threads == 0 ? 1 : options.ahead}) {}

absl::StatusOr<std::optional<BatchStream::Request>> BatchStream::NextRequest() {
  if (position_ == slice_.end) {
    DP_ASSIGN_OR_RETURN(const std::optional<DataSlice> slice, take_slice_());
    if (!slice.has_value()) return std::nullopt;
    if (slice->begin >= slice->end || slice->end > examples_->size()) {
      return absl::InternalError(absl::StrCat("lease ", slice->lease, " is of positions ", slice->begin, " to ",
                                              slice->end, " of ", examples_->size(), " examples"));
    }
    slice_ = *slice;
    position_ = slice_.begin;
    if (!order_.has_value() || order_epoch_ != slice_.epoch) {
      order_.emplace(examples_->size(), options_.seed, slice_.epoch);
      order_epoch_ = slice_.epoch;
    }
  }
  const uint64_t end = position_ + std::min(options_.batch, slice_.end - position_);
  Request request = {.slice = slice_, .used = end - slice_.begin, .examples = {.epoch = slice_.epoch}};
  request.examples.indices.reserve(end - position_);
  for (; position_ < end; ++position_) request.examples.indices.push_back((*order_)[position_]);
  return request;
}

absl::Status BatchStream::Make(const Request& request, StreamBatch* batch) const {
  batch->lease = request.slice.lease;
  batch->epoch = request.slice.epoch;
  batch->used = request.used;
  batch->ends_lease = request.used == request.slice.end - request.slice.begin;
  return examples_->Make(request.examples, &batch->examples);
}

}  // namespace downpour
