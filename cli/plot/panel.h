// One diagram of a picture: curves over two axes.
#ifndef DOWNPOUR_CLI_PLOT_PANEL_H_
#define DOWNPOUR_CLI_PLOT_PANEL_H_

#include <string>
#include <string_view>
#include <vector>

#include "cli/plot/axis.h"
#include "cli/plot/curve.h"
#include "cli/plot/svg.h"

namespace downpour {

// What a run has in a panel; points rising in x, all finite.
struct PanelCurve {
  std::string_view color;
  std::string_view dashes;           // of its lines
  std::vector<CurvePoint> training;  // as it was logged
  std::vector<CurvePoint> evaluation;
};

struct Panel {
  std::string heading;  // what goes upwards
  std::string along;    // what goes to the right
  Axis x, y;
  std::vector<PanelCurve> curves;
};

// Draws the panel, marks and headings included, into the rectangle: grid; the logged training values faintly, smoothed
// ones over them as a thin line; evaluations as a thick line, with dots where they are few.
void DrawPanel(const Panel& panel, CurvePoint upper_left, double width, double height, Svg& svg);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_PLOT_PANEL_H_
