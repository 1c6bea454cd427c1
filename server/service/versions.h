#ifndef DOWNPOUR_SERVER_SERVICE_VERSIONS_H_
#define DOWNPOUR_SERVER_SERVICE_VERSIONS_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace downpour {

// The highest protocol version that a client, which speaks `version_min` to `version`, shares with this server.
// FAILED_PRECONDITION, with the versions of both and which side to update, where there is none.
absl::StatusOr<uint32_t> PickVersion(uint32_t version_min, uint32_t version);

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_VERSIONS_H_
