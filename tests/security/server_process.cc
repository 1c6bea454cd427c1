#include "tests/security/server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

namespace downpour::testing {
namespace {

constexpr char kProgram[] = "server/downpour_server";

std::string Read(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

}  // namespace

ServerProcess::ServerProcess(const std::vector<std::string>& flags) {
  const char* const scratch = std::getenv("TEST_TMPDIR");
  std::string folder = std::string(scratch != nullptr ? scratch : "/tmp") + "/server-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return;
  const std::string port_file = folder + "/port", error_file = folder + "/stderr";

  std::vector<std::string> arguments = {kProgram, "--port_file=" + port_file};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    const int errors = open(error_file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    dup2(errors, STDERR_FILENO);
    dup2(errors, STDOUT_FILENO);
    execv(kProgram, pointers.data());
    _exit(127);
  }
  while (port_ == 0) {
    std::ifstream(port_file) >> port_;
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      exit_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
      complaint_ = Read(error_file);
      return;
    }
    usleep(5'000);
  }
}

ServerProcess::~ServerProcess() { Kill(); }

void ServerProcess::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(std::exchange(pid_, -1), nullptr, 0);
}

bool ServerProcess::HasSharedMemory() const {
  return Read("/proc/" + std::to_string(pid_) + "/maps").find("memfd:downpour-payload") != std::string::npos;
}

}  // namespace downpour::testing
