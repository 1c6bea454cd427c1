#include "server/service/fingerprint.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"

namespace downpour {
namespace {

constexpr size_t kFingerprintBytes = 32;
constexpr size_t kShownBytes = 6;

}  // namespace

absl::Status CheckFingerprint(std::string_view fingerprint) {
  if (fingerprint.size() == kFingerprintBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("job_fingerprint has ", fingerprint.size(), " bytes; it must have ", kFingerprintBytes));
}

std::string FingerprintText(std::string_view fingerprint) {
  return absl::BytesToHexString(ToAbsl(fingerprint.substr(0, kShownBytes)));
}

}  // namespace downpour
