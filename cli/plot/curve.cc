#include "cli/plot/curve.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace downpour {
namespace {

constexpr size_t kSmoothedPointsMax = 600;
constexpr double kBellPart = 1.0 / 80;  // standard deviation, of the curve's points

// Means of runs of neighbours.
std::vector<CurvePoint> Averaged(std::span<const CurvePoint> points, size_t points_max) {
  const size_t size = (points.size() + points_max - 1) / points_max;
  std::vector<CurvePoint> means;
  for (size_t begin = 0; begin < points.size(); begin += size) {
    const std::span<const CurvePoint> part = points.subspan(begin, std::min(size, points.size() - begin));
    CurvePoint sum;
    for (const CurvePoint& point : part) {
      sum.x += point.x;
      sum.y += point.y;
    }
    const double count = static_cast<double>(part.size());
    means.push_back({sum.x / count, sum.y / count});
  }
  return means;
}

}  // namespace

std::vector<CurvePoint> Thinned(std::span<const CurvePoint> points, size_t points_max) {
  if (points.size() <= points_max) return {points.begin(), points.end()};
  const size_t parts = std::max<size_t>(points_max / 4, 1);
  std::vector<CurvePoint> thinned;
  for (size_t i = 0; i < parts; ++i) {
    const size_t begin = points.size() * i / parts, end = points.size() * (i + 1) / parts;
    size_t lowest = begin, highest = begin;
    for (size_t k = begin; k < end; ++k) {
      if (points[k].y < points[lowest].y) lowest = k;
      if (points[k].y > points[highest].y) highest = k;
    }
    for (const size_t k : std::set{begin, lowest, highest, end - 1}) thinned.push_back(points[k]);
  }
  return thinned;
}

std::vector<CurvePoint> Smoothed(std::span<const CurvePoint> points) {
  std::vector<CurvePoint> means = Averaged(points, kSmoothedPointsMax);
  const double bell = static_cast<double>(means.size()) * kBellPart;
  const size_t reach = static_cast<size_t>(std::ceil(3 * bell));
  std::vector<CurvePoint> smooth = means;
  for (size_t i = 0; i < means.size(); ++i) {
    const size_t before = std::min(reach, i), after = std::min(before, means.size() - 1 - i);
    double sum = 0, weights = 0;
    for (size_t k = i - before; k <= i + after; ++k) {
      const double distance = (static_cast<double>(k) - static_cast<double>(i)) / bell;
      const double weight = std::exp(-distance * distance / 2);
      sum += weight * means[k].y;
      weights += weight;
    }
    smooth[i].y = sum / weights;
  }
  if (!smooth.empty()) smooth.front() = points.front();
  return smooth;
}

}  // namespace downpour
