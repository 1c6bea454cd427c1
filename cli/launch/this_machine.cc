#include "cli/launch/this_machine.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "worker/device/devices.h"

namespace downpour {
namespace {

// Below what Linux gives away by itself (net.ipv4.ip_local_port_range).
constexpr uint32_t kPortBegin = 20000;
constexpr uint32_t kPortEnd = 32000;

// Listens at a port of 127.0.0.1, or -1.
int ListenAt(uint32_t port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (listener >= 0 && ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      ::listen(listener, 1) == 0) {
    return listener;
  }
  if (listener >= 0) ::close(listener);
  return -1;
}

absl::StatusOr<std::vector<uint32_t>> FreePorts(uint32_t count) {
  std::vector<uint32_t> ports;
  std::vector<int> listeners;  // all are held until all are found
  uint32_t port = kPortBegin + std::random_device()() % (kPortEnd - kPortBegin);
  for (uint32_t tried = 0; tried < kPortEnd - kPortBegin && ports.size() < count; ++tried) {
    port = port + 1 < kPortEnd ? port + 1 : kPortBegin;
    const int listener = ListenAt(port);
    if (listener < 0) continue;
    listeners.push_back(listener);
    ports.push_back(port);
  }
  for (const int listener : listeners) ::close(listener);
  if (ports.size() == count) return ports;
  return absl::ResourceExhaustedError(absl::StrCat("there are not ", count, " free ports from ", kPortBegin, " to ",
                                                   kPortEnd, ": choose them by --base_port"));
}

bool IsProgram(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

absl::StatusOr<ThisMachine> LookAtThisMachine(uint32_t ports) {
  ThisMachine machine;
  DP_ASSIGN_OR_RETURN(machine.lanes, ParseDevices("cpu:all"));
  if (absl::StatusOr<std::vector<std::string>> gpus = ParseDevices("cuda:all"); gpus.ok()) {
    machine.gpus = *std::move(gpus);
  }
  DP_ASSIGN_OR_RETURN(machine.free_ports, FreePorts(ports));
  return machine;
}

absl::StatusOr<ProgramFiles> FindPrograms(const std::string& folder, bool must_exist) {
  namespace fs = std::filesystem;
  ProgramFiles files;
  std::error_code error;
  const fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
  const fs::path together = folder.empty() ? here : fs::path(folder);
  files.server = together / "downpour_server";
  files.worker = together / "downpour_worker";
  if (folder.empty() && !IsProgram(files.server)) {
    const fs::path built = here.parent_path();
    if (IsProgram(built / "server" / "downpour_server")) {
      files = {.server = built / "server" / "downpour_server", .worker = built / "worker" / "downpour_worker"};
    }
  }
  for (const std::string& file : {files.server, files.worker}) {
    if (!must_exist || IsProgram(file)) continue;
    return absl::NotFoundError(absl::StrCat(
        "there is no program ", file, ": ",
        folder.empty() ? "build or install it, or say by --binaries=DIR where it is" : "is --binaries right?"));
  }
  return files;
}

absl::StatusOr<ScratchFolder> ScratchFolder::Create() {
  std::error_code error;
  std::string path = std::filesystem::temp_directory_path(error) / "downpour-launch.XXXXXX";
  if (error || ::mkdtemp(path.data()) == nullptr) {
    return absl::ErrnoToStatus(errno, absl::StrCat("making the folder ", path));
  }
  return ScratchFolder(std::move(path));
}

ScratchFolder::ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, "")) {}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

absl::StatusOr<std::string> ScratchFolder::Write(const std::string& name, const std::string& text) const {
  const std::string path = absl::StrCat(path_, "/", name);
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return path;
  return absl::UnavailableError(absl::StrCat("cannot write ", path));
}

}  // namespace downpour
