#ifndef DOWNPOUR_WORKER_TRAIN_RECENT_PACE_H_
#define DOWNPOUR_WORKER_TRAIN_RECENT_PACE_H_

#include <cstdint>
#include <optional>

namespace downpour {

// How fast a replica has been of late: over the last two to four seconds, whether or not it has made steps in them.
// Times are seconds since any moment, and rise.
class RecentPace {
 public:
  void Add(uint64_t examples, double loss, double compute_seconds, double now) {
    Turn(now);
    current_.examples += examples;
    current_.loss += loss * static_cast<double>(examples);
    current_.compute += compute_seconds;
  }

  double ExamplesPerSecond(double now) {
    Turn(now);
    return PerSecond(static_cast<double>(current_.examples + last_.examples), now);
  }
  // Share of the time in which the device was busy.
  double Busy(double now) {
    Turn(now);
    const double share = PerSecond(current_.compute + last_.compute, now);
    return share < 1 ? share : 1;
  }
  // Of the examples, their mean; that of the last ones where there were none of late.
  std::optional<double> Loss(double now) {
    Turn(now);
    const uint64_t examples = current_.examples + last_.examples;
    if (examples > 0) loss_ = (current_.loss + last_.loss) / static_cast<double>(examples);
    return loss_;
  }

 private:
  static constexpr double kSpan = 2;
  struct Span {
    double begin = 0;
    uint64_t examples = 0;
    double loss = 0;  // sum
    double compute = 0;
  };

  void Turn(double now) {
    if (now - current_.begin < kSpan) return;
    if (current_.examples > 0) loss_ = current_.loss / static_cast<double>(current_.examples);
    // After a long pause nothing is of late.
    last_ = now - current_.begin < 2 * kSpan ? current_ : Span{.begin = now - kSpan};
    current_ = Span{.begin = now};
  }
  double PerSecond(double amount, double now) const {
    const double seconds = now - last_.begin;
    return seconds > 0 ? amount / seconds : 0;
  }

  Span current_;
  Span last_;
  std::optional<double> loss_;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_RECENT_PACE_H_
