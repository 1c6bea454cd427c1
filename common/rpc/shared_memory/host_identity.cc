#include "common/rpc/shared_memory/host_identity.h"

#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"

namespace downpour {

std::string HostIdentity() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string boot;
  char network[64];
  const ssize_t length = readlink("/proc/self/ns/net", network, sizeof(network));
  if (!std::getline(file, boot) || boot.empty() || length <= 0) return "";
  const std::string text = absl::StrCat(boot, "|", std::string(network, static_cast<size_t>(length)), "|", geteuid());
  const uint64_t halves[2] = {Hash64(text, 1), Hash64(text, 2)};
  return std::string(reinterpret_cast<const char*>(halves), sizeof(halves));
}

}  // namespace downpour
