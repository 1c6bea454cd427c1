// Which diagrams a picture of runs has, over which axes.
#ifndef DOWNPOUR_CLI_PLOT_RUN_PANELS_H_
#define DOWNPOUR_CLI_PLOT_RUN_PANELS_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/plot/panel.h"
#include "cli/plot/run_log.h"

namespace downpour {

struct NamedRun {
  std::string name;
  RunLog log;
};

// How the lines of a run look: colours that people tell apart whatever their eyes (Okabe and Ito's), then the same with
// dashes.
struct RunLook {
  std::string_view color;
  std::string_view dashes;
};
RunLook LookOfRun(size_t index);

// The evaluations that are drawn: of the split "test", or where a run has none its "validation", or the first there is.
std::span<const RunPoint> DrawnEvaluations(const RunLog& log);

// Loss against steps and against time, then accuracy against both, where any run has such values: 0, 2 or 4 panels. A
// loss that falls far gets a logarithmic scale.
std::vector<Panel> MakeRunPanels(std::span<const NamedRun> runs);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_PLOT_RUN_PANELS_H_
