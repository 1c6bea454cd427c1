#include "server/service/versions.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/rpc/limits.h"

namespace downpour {

absl::StatusOr<uint32_t> PickVersion(uint32_t version_min, uint32_t version) {
  if (version_min == 0 || version < version_min) {
    return absl::FailedPreconditionError(absl::StrCat("the client names no protocol version (", version_min, " to ",
                                                      version, "); this server speaks ", kProtocolVersionMin, " to ",
                                                      kProtocolVersion));
  }
  if (version < kProtocolVersionMin || version_min > kProtocolVersion) {
    return absl::FailedPreconditionError(absl::StrCat("no protocol version in common: the client speaks ", version_min,
                                                      " to ", version, ", this server ", kProtocolVersionMin, " to ",
                                                      kProtocolVersion, "; update the ",
                                                      version < kProtocolVersionMin ? "client" : "server"));
  }
  return std::min(version, kProtocolVersion);
}

}  // namespace downpour
