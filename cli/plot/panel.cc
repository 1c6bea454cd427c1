#include "cli/plot/panel.h"

#include <span>

namespace downpour {
namespace {

constexpr double kLeft = 62, kRight = 18, kTop = 34, kBottom = 46;  // room for marks and headings
constexpr double kFontSize = 13;
constexpr size_t kRawPointsMax = 1600;
constexpr size_t kEvaluationPointsMax = 1000;
constexpr size_t kDotsMax = 40;

// Where a panel's axes lie in the picture.
struct Frame {
  const Panel& panel;
  CurvePoint upper_left;
  double width;
  double height;

  double X(double x) const { return upper_left.x + panel.x.Position(x) * width; }
  double Y(double y) const { return upper_left.y + (1 - panel.y.Position(y)) * height; }

  std::vector<CurvePoint> Placed(std::span<const CurvePoint> points) const {
    std::vector<CurvePoint> placed;
    for (const CurvePoint& point : points) placed.push_back({X(point.x), Y(point.y)});
    return placed;
  }
};

void DrawAxes(const Frame& frame, Svg& svg) {
  const double left = frame.upper_left.x, right = left + frame.width;
  const double top = frame.upper_left.y, bottom = top + frame.height;
  const Stroke grid = {.color = "#e4e4e4"};
  for (const Tick& tick : frame.panel.y.ticks) {
    const double y = frame.Y(tick.value);
    svg.Line({left, y}, {right, y}, grid);
    svg.Text({left - 8, y + kFontSize * 0.35}, tick.label, {.size = kFontSize, .anchor = "end"});
  }
  for (const Tick& tick : frame.panel.x.ticks) {
    const double x = frame.X(tick.value);
    svg.Line({x, top}, {x, bottom}, grid);
    svg.Text({x, bottom + kFontSize + 6}, tick.label, {.size = kFontSize, .anchor = "middle"});
  }
  svg.Line({left, bottom}, {right, bottom}, {.color = "#888888"});
  svg.Text({left, top - 12}, frame.panel.heading, {.size = 15, .bold = true});
  svg.Text({left + frame.width / 2, bottom + 2 * kFontSize + 12}, frame.panel.along,
           {.size = kFontSize, .color = "#555555", .anchor = "middle"});
}

}  // namespace

void DrawPanel(const Panel& panel, CurvePoint upper_left, double width, double height, Svg& svg) {
  const Frame frame = {
      panel, {upper_left.x + kLeft, upper_left.y + kTop}, width - kLeft - kRight, height - kTop - kBottom};
  DrawAxes(frame, svg);
  // A little more than the frame, so that a line along its edge is whole.
  svg.BeginClip({frame.upper_left.x - 4, frame.upper_left.y - 4}, frame.width + 8, frame.height + 8);
  for (const PanelCurve& curve : panel.curves) {
    svg.Polyline(frame.Placed(Thinned(curve.training, kRawPointsMax)),
                 {.color = curve.color, .width = 0.8, .opacity = 0.3});
  }
  for (const PanelCurve& curve : panel.curves) {
    svg.Polyline(frame.Placed(Smoothed(curve.training)),
                 {.color = curve.color, .width = 1.3, .opacity = 0.9, .dashes = curve.dashes});
    if (curve.training.size() == 1) svg.Dot(frame.Placed(curve.training)[0], 2.5, curve.color);
  }
  for (const PanelCurve& curve : panel.curves) {
    const std::vector<CurvePoint> points = frame.Placed(Thinned(curve.evaluation, kEvaluationPointsMax));
    svg.Polyline(points, {.color = curve.color, .width = 2.4, .dashes = curve.dashes});
    if (points.size() > kDotsMax) continue;
    for (const CurvePoint& point : points) svg.Dot(point, 3.6, curve.color);
  }
  svg.EndClip();
}

}  // namespace downpour
