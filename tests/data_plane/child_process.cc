#include "tests/data_plane/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

extern char** environ;

namespace downpour {
namespace {

size_t StatusField(pid_t pid, const char* format) {
  std::FILE* const status = std::fopen(absl::StrCat("/proc/", pid, "/status").c_str(), "r");
  if (status == nullptr) return 0;
  char line[256];
  size_t kib = 0;
  while (std::fgets(line, sizeof(line), status) != nullptr) {
    if (std::sscanf(line, format, &kib) == 1) break;
  }
  std::fclose(status);
  return kib << 10;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(const std::string& program,
                                                                  const std::vector<std::string>& arguments) {
  int output[2];
  if (::pipe2(output, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "making a pipe");
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(output[1]);
  if (error != 0) {
    ::close(output[0]);
    return absl::ErrnoToStatus(error, program);
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, output[0]));
}

ChildProcess::~ChildProcess() {
  Kill();
  ::close(output_);
}

void ChildProcess::Signal(int number) const {
  if (!status_.has_value()) ::kill(pid_, number);
}

void ChildProcess::Stop() const {
  Signal(SIGSTOP);
  // Not its end: that is left for Wait().
  siginfo_t info = {};
  ::waitid(P_PID, pid_, &info, WSTOPPED | WEXITED | WNOWAIT);
}

void ChildProcess::Continue() const { Signal(SIGCONT); }

void ChildProcess::Kill() {
  Signal(SIGKILL);
  Wait(absl::InfiniteDuration());
}

std::optional<int> ChildProcess::Wait(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!status_.has_value()) {
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, timeout == absl::InfiniteDuration() ? 0 : WNOHANG);
    if (ended == pid_) {
      status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    } else if (ended < 0 && errno != EINTR) {
      status_ = -1;
    } else if (absl::Now() >= deadline) {
      break;
    } else {
      absl::SleepFor(absl::Milliseconds(5));
    }
  }
  return status_;
}

std::string ChildProcess::Output(const std::string& text, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    const size_t found = written_.find(text);
    if (!text.empty() && found != std::string::npos && written_.find('\n', found) != std::string::npos) break;
    const absl::Duration left = text.empty() ? absl::ZeroDuration() : deadline - absl::Now();
    pollfd wait = {output_, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(std::max<int64_t>(0, absl::ToInt64Milliseconds(left)))) <= 0) break;
    char buffer[4096];
    const ssize_t received = ::read(output_, buffer, sizeof(buffer));
    if (received <= 0) break;
    written_.append(buffer, received);
  }
  return written_;
}

size_t ChildProcess::PeakBytes() const { return StatusField(pid_, "VmHWM: %zu"); }

}  // namespace downpour
