// Points of a curve, made fit for drawing.
#ifndef DOWNPOUR_CLI_PLOT_CURVE_H_
#define DOWNPOUR_CLI_PLOT_CURVE_H_

#include <cstddef>
#include <span>
#include <vector>

namespace downpour {

struct CurvePoint {
  double x = 0;
  double y = 0;

  bool operator==(const CurvePoint&) const = default;
};

// At most about `points_max` points that look like all of them: of each of several parts the first, the lowest, the
// highest and the last, in their order.
std::vector<CurvePoint> Thinned(std::span<const CurvePoint> points, size_t points_max);

// A moving average, with weights that fall off as a bell does, over about a twentieth of the curve. The first point
// stays where it is: a loss that falls from its start must not seem to start lower.
std::vector<CurvePoint> Smoothed(std::span<const CurvePoint> points);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_PLOT_CURVE_H_
