#ifndef DOWNPOUR_COMMON_BASE_PORT_FILE_H_
#define DOWNPOUR_COMMON_BASE_PORT_FILE_H_

#include <string>

#include "absl/status/status.h"

namespace downpour {

// What --port_file asks for: the number in a file of its own, written whole or not at all, so that who waits for it
// never reads half of it.
absl::Status WritePortFile(const std::string& path, int port);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_PORT_FILE_H_
