// One task in detail, for `downpour top`.
#ifndef DOWNPOUR_CLI_STATUS_TOP_DETAILS_H_
#define DOWNPOUR_CLI_STATUS_TOP_DETAILS_H_

#include <vector>

#include "cli/status/top_frame.h"

namespace downpour {

// As many lines as there is to say; who draws them cuts.
std::vector<TopLine> ServerDetails(const ServerView& server, const std::vector<double>& rates,
                                   const TopFrameOptions& options);
std::vector<TopLine> WorkerDetails(const WorkerView& worker, const std::vector<double>& rates,
                                   const TopFrameOptions& options);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_TOP_DETAILS_H_
