// Pictures as SVG text: the few shapes that a plot needs.
#ifndef DOWNPOUR_CLI_PLOT_SVG_H_
#define DOWNPOUR_CLI_PLOT_SVG_H_

#include <span>
#include <string>
#include <string_view>

#include "cli/plot/curve.h"

namespace downpour {

struct Stroke {
  std::string_view color;
  double width = 1;
  double opacity = 1;
  std::string_view dashes = {};  // as stroke-dasharray has them; none: solid
};

struct TextStyle {
  double size = 13;
  std::string_view color = "#333333";
  std::string_view anchor = "start";  // "middle", "end"
  bool bold = false;
  std::string_view aside = {};  // a few words in grey behind the text
};

// Text of any bytes as text of an SVG element: escaped, without what XML does not allow.
std::string SvgText(std::string_view text);

// Coordinates are pixels from the upper left corner, written to a tenth; they must be finite. Shapes lie over those
// added before.
class Svg {
 public:
  // White; `title` is what screen readers tell.
  Svg(double width, double height, std::string_view title);

  void Line(CurvePoint from, CurvePoint to, const Stroke& stroke);
  // Through all points; nothing for fewer than two.
  void Polyline(std::span<const CurvePoint> points, const Stroke& stroke);
  // A filled circle with a thin white edge.
  void Dot(CurvePoint center, double radius, std::string_view color);
  void Text(CurvePoint at, std::string_view text, const TextStyle& style);

  // What is added until EndClip is seen only within the rectangle.
  void BeginClip(CurvePoint upper_left, double width, double height);
  void EndClip();

  // The whole file.
  std::string Finish() &&;

 private:
  std::string text_;
  int clips_ = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_PLOT_SVG_H_
