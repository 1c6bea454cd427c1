#include "common/base/port_file.h"

#include <cstdio>
#include <fstream>

namespace downpour {

absl::Status WritePortFile(const std::string& path, int port) {
  const std::string unfinished = path + ".unfinished";
  std::ofstream file(unfinished);
  file << port << "\n";
  file.close();
  if (!file || std::rename(unfinished.c_str(), path.c_str()) != 0) {
    return absl::InvalidArgumentError("cannot write --port_file=" + path);
  }
  return absl::OkStatus();
}

}  // namespace downpour
