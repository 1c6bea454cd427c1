// Runs as one picture: loss and accuracy, against steps and against time.
#ifndef DOWNPOUR_CLI_PLOT_RUN_PICTURE_H_
#define DOWNPOUR_CLI_PLOT_RUN_PICTURE_H_

#include <span>
#include <string>
#include <string_view>

#include "cli/plot/run_panels.h"

namespace downpour {

// SVG: the title, a legend with what each run came to, and the panels of run_panels.h.
std::string RunPicture(std::span<const NamedRun> runs, std::string_view title);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_PLOT_RUN_PICTURE_H_
