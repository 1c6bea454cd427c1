// A job's status as JSON, for `downpour status --json`; docs/monitoring.md names each field.
#ifndef DOWNPOUR_CLI_STATUS_STATUS_JSON_H_
#define DOWNPOUR_CLI_STATUS_STATUS_JSON_H_

#include <string>

#include "cli/status/cluster_view.h"

namespace downpour {

// One object on one line, without its end. What is not known is null. Names are a promise: fields may be added.
std::string StatusJson(const ClusterView& view);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_STATUS_JSON_H_
