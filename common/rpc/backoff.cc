#include "common/rpc/backoff.h"

#include <algorithm>

namespace downpour {

Backoff::Backoff(const BackoffOptions& options, uint64_t seed, uint64_t stream)
    : options_(options), random_(seed, stream), wait_(options.first) {}

absl::Duration Backoff::Next() {
  const double factor = 1 + options_.jitter * (2 * random_.UniformDouble() - 1);
  const absl::Duration wait = wait_ * factor;
  wait_ = std::min(wait_ * options_.growth, options_.longest);
  return wait;
}

}  // namespace downpour
