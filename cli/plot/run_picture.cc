#include "cli/plot/run_picture.h"

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/plot/panel.h"
#include "cli/plot/svg.h"
#include "common/base/number_text.h"

namespace downpour {
namespace {

constexpr double kWidth = 1180, kMargin = 24;
constexpr double kTitleSize = 20, kTitleHeight = 52;
constexpr double kPanelHeight = 350, kPanelGap = 10;
constexpr double kLegendRow = 24, kLegendSample = 28, kLegendFont = 14, kLegendGap = 26;
constexpr double kKeyFont = 12.5;

// About as wide as a sans-serif font sets it; there is no font here to ask.
double TextWidth(std::string_view text, double size) { return 0.56 * size * static_cast<double>(text.size()); }

// "92.14 %": what a run came to.
std::string ResultText(const RunLog& log) {
  const std::span<const RunPoint> evaluations = DrawnEvaluations(log);
  if (evaluations.empty()) return "";
  const RunPoint& last = evaluations.back();
  if (!std::isnan(last.accuracy)) return PercentText(last.accuracy, 2);
  return std::isnan(last.loss) ? "" : absl::StrFormat("loss %.4g", last.loss);
}

// Lays entries out in rows, the first with its baseline at `top`; returns the baseline of the last.
double DrawLegend(std::span<const NamedRun> runs, double top, Svg& svg) {
  double x = kMargin, y = top;
  for (size_t i = 0; i < runs.size(); ++i) {
    const std::string result = ResultText(runs[i].log);
    const double name_at = kLegendSample + 8;
    const double width = name_at + TextWidth(runs[i].name, kLegendFont) + 10 + TextWidth(result, kLegendFont);
    if (x > kMargin && x + width > kWidth - kMargin) {
      x = kMargin;
      y += kLegendRow;
    }
    const RunLook look = LookOfRun(i);
    const double middle = y - kLegendFont * 0.35;
    svg.Line({x, middle}, {x + kLegendSample, middle}, {.color = look.color, .width = 2.4, .dashes = look.dashes});
    svg.Dot({x + kLegendSample / 2, middle}, 3.6, look.color);
    svg.Text({x + name_at, y}, runs[i].name, {.size = kLegendFont, .aside = result});
    x += width + kLegendGap;
  }
  return y;
}

// What the kinds of lines mean, in the upper right corner.
void DrawKey(Svg& svg) {
  constexpr std::string_view kColor = "#777777";
  const double y = kMargin + kTitleSize * 0.7, middle = y - kKeyFont * 0.35;
  double x = kWidth - kMargin;
  const auto entry = [&](std::string_view text, double stroke, bool dot) {
    svg.Text({x, y}, text, {.size = kKeyFont, .color = "#555555", .anchor = "end"});
    x -= TextWidth(text, kKeyFont) + 6;
    svg.Line({x - kLegendSample, middle}, {x, middle}, {.color = kColor, .width = stroke});
    if (dot) svg.Dot({x - kLegendSample / 2, middle}, 3.6, kColor);
    x -= kLegendSample + 18;
  };
  entry("training, smoothed", 1.3, false);
  entry("evaluation", 2.4, true);
}

}  // namespace

std::string RunPicture(std::span<const NamedRun> runs, std::string_view title) {
  const std::vector<Panel> panels = MakeRunPanels(runs);
  // The legend is as high as it turns out; it is drawn twice, since the size of the picture comes first in it.
  Svg trial(kWidth, 1, title);
  const double legend_end = DrawLegend(runs, kMargin + kTitleHeight, trial);
  const double rows = static_cast<double>((panels.size() + 1) / 2);
  const double top = legend_end + 18;

  Svg svg(kWidth, top + rows * (kPanelHeight + kPanelGap) + kMargin / 2, title);
  svg.Text({kMargin, kMargin + kTitleSize * 0.7}, title, {.size = kTitleSize, .color = "#111111", .bold = true});
  DrawKey(svg);
  DrawLegend(runs, kMargin + kTitleHeight, svg);
  const double panel_width = (kWidth - 2 * kMargin - kPanelGap) / 2;
  for (size_t i = 0; i < panels.size(); ++i) {
    const CurvePoint upper_left = {kMargin + static_cast<double>(i % 2) * (panel_width + kPanelGap),
                                   top + static_cast<double>(i / 2) * (kPanelHeight + kPanelGap)};
    DrawPanel(panels[i], upper_left, panel_width, kPanelHeight, svg);
  }
  return std::move(svg).Finish();
}

}  // namespace downpour
