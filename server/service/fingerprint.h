#ifndef DOWNPOUR_SERVER_SERVICE_FINGERPRINT_H_
#define DOWNPOUR_SERVER_SERVICE_FINGERPRINT_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace downpour {

// Of a job: 32 bytes that servers only compare.
absl::Status CheckFingerprint(std::string_view fingerprint);

// The first bytes in hexadecimal, for people.
std::string FingerprintText(std::string_view fingerprint);

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_FINGERPRINT_H_
