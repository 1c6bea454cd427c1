// From slices of epochs to batches.
#ifndef DOWNPOUR_WORKER_TRAIN_BATCH_STREAM_H_
#define DOWNPOUR_WORKER_TRAIN_BATCH_STREAM_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/data/batch_maker.h"
#include "worker/data/epoch_order.h"
#include "worker/data/prefetcher.h"
#include "worker/train/job_data.h"

namespace downpour {

// Positions [begin, end) in the order in which an epoch visits the training data, as a worker has leased them.
struct DataSlice {
  uint64_t lease = 0;
  uint64_t epoch = 0;
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct StreamBatch {
  HostBatch examples;
  uint64_t lease = 0;
  uint64_t epoch = 0;
  // Examples of the lease that are used once the steps up to this batch are done: what to report then.
  uint64_t used = 0;
  bool ends_lease = false;
};

// The batches that one replica trains on: slices are asked for one after another and cut into batches of one size, of
// which the last of a slice may be smaller. The order of examples is that of EpochOrder, so that the same slices give
// the same batches, whatever the threads. Next and Stop as those of a Prefetcher.
class BatchStream {
 public:
  // The next slice to train on; nothing when there will be no more. It may wait for one. With threads, it is called
  // from them, one at a time, and ahead: the next lease is taken while the batches of the present one are trained on,
  // and it may have to wait for the reports of those. Without threads it is called by Next, when the lease before is
  // used up.
  using TakeSlice = std::function<absl::StatusOr<std::optional<DataSlice>>()>;

  struct Options {
    uint64_t seed = 1;   // of the order of examples
    uint64_t batch = 1;  // examples, at least 1
    int threads = 0;     // that make batches ahead; 0: Next makes each
    int ahead = 4;       // batches, at least 1; with threads
  };

  // `examples` outlives the stream.
  BatchStream(const ExampleSet* examples, TakeSlice take_slice, const Options& options);

  // Waits for a call of `take_slice` that is under way: whoever lets that wait has to end it first.
  ~BatchStream() = default;

  // Swaps the next batch into `batch`, whose memory is used again. False when there are no more slices. Errors of
  // `take_slice` and of the data come in their place in the order; INTERNAL for a slice that is not of the data; after
  // Stop, CANCELLED. One thread at a time.
  absl::StatusOr<bool> Next(StreamBatch* batch) { return prefetcher_.Next(batch); }

  // Makes Next return at once, now and from now on. Any thread.
  void Stop() { prefetcher_.Stop(); }

 private:
  struct Request {
    DataSlice slice;
    uint64_t used = 0;
    BatchRequest examples = {};
  };

  absl::StatusOr<std::optional<Request>> NextRequest();
  absl::Status Make(const Request& request, StreamBatch* batch) const;

  const ExampleSet* const examples_;
  const TakeSlice take_slice_;
  const Options options_;

  // Of the thread whose turn it is to ask for a request.
  DataSlice slice_;
  uint64_t position_ = 0;  // slice_.begin to slice_.end
  std::optional<EpochOrder> order_;
  uint64_t order_epoch_ = 0;

  Prefetcher<Request, StreamBatch> prefetcher_;  // last: its threads use the rest
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_BATCH_STREAM_H_
