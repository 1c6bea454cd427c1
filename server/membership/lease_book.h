#ifndef DOWNPOUR_SERVER_MEMBERSHIP_LEASE_BOOK_H_
#define DOWNPOUR_SERVER_MEMBERSHIP_LEASE_BOOK_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/consistency/policy.h"

namespace downpour {

// Positions [begin, end) in the order in which an epoch visits the data set (worker/data/epoch_order.h).
struct LeaseSlice {
  uint64_t epoch = 0;
  uint64_t begin = 0;
  uint64_t end = 0;

  uint64_t size() const { return end - begin; }
  friend bool operator==(const LeaseSlice&, const LeaseSlice&) = default;
};

// A slice that one worker has been given.
struct Lease {
  uint64_t id = 0;  // never 0, never given twice
  LeaseSlice slice;
};

struct LeaseOptions {
  uint64_t examples = 0;  // of the data set, at least 1
  uint64_t epochs = 0;    // 0: without end
  uint64_t batch = 1;     // slices begin and end between batches of so many examples, or at the end of the epoch
  uint64_t slice_batches_max = 32;
};

// So many leases may one worker hold: the one that it works on and some whose data it reads ahead.
inline constexpr size_t kLeasesOfWorkerMax = 4;

// Who works on which part of which epoch. Slices are handed out when they are asked for, so a slow worker takes less;
// they get smaller towards the end of an epoch, so that nobody is left with much when the others have finished; what a
// lost worker had not finished is given to the next who asks.
//
// An example counts as used when it was reported so. While no worker is lost, each is used exactly once in each epoch;
// of a lost worker's slice, what it had used without a report is used again.
//
// Pure: no clock and no threads; one caller at a time. The same calls in the same order give the same leases.
class LeaseBook {
 public:
  // INVALID_ARGUMENT, naming the option, if one makes no sense.
  static absl::StatusOr<LeaseBook> Create(const LeaseOptions& options);

  enum class Verdict : uint8_t {
    kGiven,
    kNothingNow,  // what is left is with others and may come back: ask again later
    kFinished,    // every example of every epoch has been used
    kTooMany,     // the worker holds kLeasesOfWorkerMax
  };
  struct Answer {
    Verdict verdict = Verdict::kNothingNow;
    Lease lease = {};  // of kGiven
  };

  // The next slice of the earliest epoch that has one. An epoch begins as soon as nothing of the one before is left to
  // give, whether or not others still work on that. `workers`: how many share the work. At most `batches_max`, >= 1.
  Answer Take(WorkerId worker, uint64_t incarnation, size_t workers,
              uint64_t batches_max = std::numeric_limits<uint64_t>::max());

  // The worker has used the first `used` examples of its lease, all of them: the lease is over. Reports may be sent
  // again and may come out of order. FAILED_PRECONDITION where the lease is not (or no more) that worker's: whatever it
  // does on it now is done twice. OUT_OF_RANGE for more than the slice.
  absl::Status Report(WorkerId worker, uint64_t incarnation, uint64_t lease, uint64_t used);

  // Takes back what an incarnation of a worker has not used, because it left, died, or joined anew.
  void Release(WorkerId worker, uint64_t incarnation);

  // ---- Looking at it

  // The epoch that the whole job has come to: all before it are used up.
  uint64_t epoch() const;
  // Examples of an epoch that have been used.
  uint64_t used(uint64_t epoch) const;
  bool finished() const;
  size_t open_leases() const { return leases_.size(); }
  // Batches, over all epochs, of which the last example has been used; and those of open leases.
  uint64_t batches_used() const { return batches_used_; }
  uint64_t batches_open() const;

  // ---- Checkpoints

  // Text that Restore takes: what is used and what is not. Open leases count as not given.
  std::string Save() const;
  // DATA_LOSS for anything that Save did not write for the same data set and batch; then nothing has changed.
  absl::Status Restore(std::string_view text);

 private:
  struct Open {
    WorkerId worker = 0;
    uint64_t incarnation = 0;
    LeaseSlice slice;    // what is not used of it
    uint64_t begin = 0;  // of it at first
  };
  // An epoch that has begun and is not used up.
  struct Epoch {
    std::map<uint64_t, uint64_t> left;  // begin to end of what nobody has: apart from each other, never empty ranges
    uint64_t used = 0;
  };

  explicit LeaseBook(const LeaseOptions& options) : options_(options) {}

  // Batches that end within [begin, end) of an epoch.
  uint64_t BatchesIn(uint64_t begin, uint64_t end) const;
  void GiveBack(const LeaseSlice& slice);
  // The earliest begun epoch with something left to give, beginning a new one if need be; end() if there is none.
  std::map<uint64_t, Epoch>::iterator EpochToGive();
  void Use(uint64_t epoch, uint64_t count);

  LeaseOptions options_;
  uint64_t next_lease_ = 1;
  uint64_t epochs_begun_ = 0;  // 0 to this - 1
  uint64_t batches_used_ = 0;
  std::map<uint64_t, Epoch> epochs_;
  std::map<uint64_t, Open> leases_;  // by id
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_MEMBERSHIP_LEASE_BOOK_H_
