// A job's status as tables, for `downpour status`.
#ifndef DOWNPOUR_CLI_STATUS_STATUS_TABLE_H_
#define DOWNPOUR_CLI_STATUS_STATUS_TABLE_H_

#include <string>
#include <vector>

#include "cli/status/cluster_view.h"

namespace downpour {

// The run in a few lines, a table of servers, one of workers, and what is wrong; each line with its end. Within 100
// columns where names are short.
std::string StatusText(const ClusterView& view);

// The lines about the run alone, without their ends.
std::vector<std::string> RunLines(const RunView& run);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_STATUS_TABLE_H_
