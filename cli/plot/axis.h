// Axes with marks where a person would put them.
#ifndef DOWNPOUR_CLI_PLOT_AXIS_H_
#define DOWNPOUR_CLI_PLOT_AXIS_H_

#include <string>
#include <vector>

namespace downpour {

struct Tick {
  double value = 0;
  std::string label;
};

struct Axis {
  double low = 0;
  double high = 1;
  bool logarithmic = false;
  std::vector<Tick> ticks;  // rising, within [low, high]

  // 0 at the low end, 1 at the high end; beyond them outside of [0, 1].
  double Position(double value) const;
};

// Marks at multiples of 1, 2 or 5 times a power of ten, about `ticks_wanted` of them; the ends move outwards to the
// next mark. `suffix` follows each label. `low` <= `high`, both finite.
Axis LinearAxis(double low, double high, int ticks_wanted, const std::string& suffix = "");

// The same over orders of magnitude: marks at 1, 2 and 5 times powers of ten, or at powers of ten where there are many.
// 0 < `low` <= `high`.
Axis LogAxis(double low, double high);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_PLOT_AXIS_H_
