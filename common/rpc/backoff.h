#ifndef DOWNPOUR_COMMON_RPC_BACKOFF_H_
#define DOWNPOUR_COMMON_RPC_BACKOFF_H_

#include <cstdint>

#include "absl/time/time.h"
#include "common/base/philox.h"

namespace downpour {

struct BackoffOptions {
  absl::Duration first = absl::Milliseconds(20);  // of the waits, before jitter
  absl::Duration longest = absl::Seconds(5);
  double growth = 2;    // from one wait to the next
  double jitter = 0.3;  // a wait is drawn from [1 - jitter, 1 + jitter] of itself: many clients shall not come at once
};

// How long to wait before the next try of what has failed: longer each time. A value for one thing that is tried, by
// one thread at a time; the waiting itself, and the clock, are the caller's.
class Backoff {
 public:
  // Two of the same seed and stream give the same waits.
  Backoff(const BackoffOptions& options, uint64_t seed, uint64_t stream);

  // The wait from now to the next try.
  absl::Duration Next();

  // It has worked: the next wait is the first again.
  void Reset() { wait_ = options_.first; }

 private:
  BackoffOptions options_;
  PhiloxStream random_;
  absl::Duration wait_;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_BACKOFF_H_
