#include "cli/plot/run_panels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace downpour {
namespace {

constexpr std::array<std::string_view, 7> kColors = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                     "#e69f00", "#56b4e9", "#000000"};
constexpr std::array<std::string_view, 4> kDashes = {"", "7 4", "2 4", "10 3 2 3"};

constexpr double kValueMax = 1e30;       // what is beyond has diverged, and would leave nothing of the rest
constexpr double kLogarithmicFrom = 25;  // largest to smallest loss
constexpr double kZeroFrom = 0.4;        // an axis whose smallest value is below this part of its largest begins at 0
constexpr double kBelowEvaluations = 0.15, kBelowEvaluationsMin = 1;  // part of their range, points of accuracy
constexpr int kTicksX = 7, kTicksY = 6;

using Measure = double RunPoint::*;

std::vector<CurvePoint> Points(std::span<const RunPoint> log, Measure along, Measure upwards, double scale_x,
                               double scale_y) {
  std::vector<CurvePoint> points;
  for (const RunPoint& point : log) {
    const double x = point.*along, y = point.*upwards;
    if (std::abs(x) < kValueMax && std::abs(y) < kValueMax) points.push_back({x * scale_x, y * scale_y});
  }
  std::stable_sort(points.begin(), points.end(), [](const CurvePoint& a, const CurvePoint& b) { return a.x < b.x; });
  return points;
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void Take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return !(low <= high); }
};

// Of what should be seen: smoothed values, so that one odd batch does not set the scale.
Range HeightsOf(std::span<const PanelCurve> curves) {
  Range range;
  for (const PanelCurve& curve : curves) {
    for (const CurvePoint& point : Smoothed(curve.training)) range.Take(point.y);
    for (const CurvePoint& point : curve.evaluation) range.Take(point.y);
  }
  return range;
}

struct TimeUnit {
  const char* name;
  double seconds;
};

TimeUnit UnitFor(double seconds) {
  if (seconds < 180) return {"seconds", 1};
  if (seconds < 3 * 3600) return {"minutes", 60};
  return {"hours", 3600};
}

std::vector<PanelCurve> CurvesOf(std::span<const NamedRun> runs, Measure along, Measure upwards, double scale_x,
                                 double scale_y) {
  std::vector<PanelCurve> curves;
  for (size_t i = 0; i < runs.size(); ++i) {
    const RunLog& log = runs[i].log;
    const RunLook look = LookOfRun(i);
    curves.push_back({.color = look.color,
                      .dashes = look.dashes,
                      .training = Points(log.training, along, upwards, scale_x, scale_y),
                      .evaluation = Points(DrawnEvaluations(log), along, upwards, scale_x, scale_y)});
  }
  return curves;
}

void DropWhatALogarithmCannotShow(std::vector<PanelCurve>& curves) {
  for (PanelCurve& curve : curves) {
    for (auto* const points : {&curve.training, &curve.evaluation}) {
      std::erase_if(*points, [](const CurvePoint& point) { return !(point.y > 0); });
    }
  }
}

// False where no run has such values.
bool MakePanel(std::span<const NamedRun> runs, Measure along, Measure upwards, double seconds_most, Panel& panel) {
  const bool of_time = along == &RunPoint::seconds, of_accuracy = upwards == &RunPoint::accuracy;
  const TimeUnit unit = UnitFor(seconds_most);
  panel.curves = CurvesOf(runs, along, upwards, of_time ? 1 / unit.seconds : 1, of_accuracy ? 100 : 1);
  Range heights = HeightsOf(panel.curves);
  if (heights.empty()) return false;
  panel.heading = of_accuracy ? "Accuracy" : "Loss";
  panel.along = of_time ? absl::StrCat("time (", unit.name, ")") : "step";

  Range widths;
  for (const PanelCurve& curve : panel.curves) {
    for (const auto& points : {curve.training, curve.evaluation}) {
      for (const CurvePoint& point : points) widths.Take(point.x);
    }
  }
  panel.x = LinearAxis(std::min(widths.low, 0.0), std::max(widths.high, 0.0), kTicksX);
  // The curves may end between two marks: nobody needs an empty right edge.
  if (widths.high > 0) panel.x.high = widths.high;
  std::erase_if(panel.x.ticks, [&](const Tick& tick) { return tick.value > panel.x.high; });

  if (of_accuracy) {
    // From a little below the evaluations on, where there are several: how training rose to there is no news.
    Range evaluated;
    for (const PanelCurve& curve : panel.curves) {
      for (const CurvePoint& point : curve.evaluation) evaluated.Take(point.y);
    }
    if (evaluated.high > evaluated.low) {
      const double below = std::max((evaluated.high - evaluated.low) * kBelowEvaluations, kBelowEvaluationsMin);
      heights.low = std::max(heights.low, evaluated.low - below);
    }
    panel.y = LinearAxis(heights.low, std::min(heights.high, 100.0), kTicksY, " %");
  } else if (heights.low > 0 && heights.high / heights.low > kLogarithmicFrom) {
    DropWhatALogarithmCannotShow(panel.curves);
    panel.heading += " (logarithmic)";
    panel.y = LogAxis(heights.low, heights.high);
  } else {
    if (heights.low >= 0 && heights.low < kZeroFrom * heights.high) heights.low = 0;
    panel.y = LinearAxis(heights.low, heights.high, kTicksY);
  }
  return true;
}

}  // namespace

RunLook LookOfRun(size_t index) {
  return {.color = kColors[index % kColors.size()], .dashes = kDashes[index / kColors.size() % kDashes.size()]};
}

std::span<const RunPoint> DrawnEvaluations(const RunLog& log) {
  for (const char* const split : {"test", "validation"}) {
    if (const auto found = log.evaluations.find(split); found != log.evaluations.end()) return found->second;
  }
  if (log.evaluations.empty()) return {};
  return log.evaluations.begin()->second;
}

std::vector<Panel> MakeRunPanels(std::span<const NamedRun> runs) {
  double seconds_most = 0;
  for (const NamedRun& run : runs) {
    for (const std::span<const RunPoint> points :
         {std::span<const RunPoint>(run.log.training), DrawnEvaluations(run.log)}) {
      for (const RunPoint& point : points) {
        if (std::abs(point.seconds) < kValueMax) seconds_most = std::max(seconds_most, point.seconds);
      }
    }
  }
  std::vector<Panel> panels;
  for (const Measure upwards : {&RunPoint::loss, &RunPoint::accuracy}) {
    for (const Measure along : {&RunPoint::step, &RunPoint::seconds}) {
      Panel panel;
      if (MakePanel(runs, along, upwards, seconds_most, panel)) panels.push_back(std::move(panel));
    }
  }
  return panels;
}

}  // namespace downpour
