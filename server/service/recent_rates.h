#ifndef DOWNPOUR_SERVER_SERVICE_RECENT_RATES_H_
#define DOWNPOUR_SERVER_SERVICE_RECENT_RATES_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace downpour {

// How fast counters grow, by looking at them now and then: over the last two seconds or more, since the look before.
class RecentRates {
 public:
  // The rates per second of counters that are so far now; 0 at the first look.
  std::vector<double> Look(absl::Duration now, const std::vector<uint64_t>& counters) {
    std::vector<double> rates(counters.size());
    // The older of two earlier looks, so that it is never too short ago.
    const double seconds = absl::ToDoubleSeconds(now - older_.at);
    for (size_t i = 0; i < counters.size() && i < older_.counters.size(); ++i) {
      if (seconds > 0 && counters[i] >= older_.counters[i]) {
        rates[i] = static_cast<double>(counters[i] - older_.counters[i]) / seconds;
      }
    }
    if (newer_.counters.empty() || now - newer_.at >= kSpan) {
      older_ = newer_.counters.empty() ? Sample{now, counters} : std::move(newer_);
      newer_ = {now, counters};
    }
    return rates;
  }

 private:
  static constexpr absl::Duration kSpan = absl::Seconds(2);
  struct Sample {
    absl::Duration at;
    std::vector<uint64_t> counters;
  };

  Sample older_;
  Sample newer_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_RECENT_RATES_H_
