#include "cli/launch/task_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

extern char** environ;

namespace downpour {
namespace {

// By ssh and by a shell.
constexpr int kSshFailed = 255;
constexpr int kSignalBase = 128;
constexpr int kSignalMax = 64;

struct Pair {
  int mine = -1;
  int its = -1;
};

// Nobody else inherits either end: a stray copy would hide the end of a stream.
absl::StatusOr<Pair> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "making a pipe");
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return Pair{.mine = ends[0], .its = ends[1]};
}

// A socket, because who writes to one whose other end is gone need not be killed for it.
absl::StatusOr<Pair> MakeSocket() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return absl::ErrnoToStatus(errno, "making a socket pair");
  }
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return Pair{.mine = ends[0], .its = ends[1]};
}

void Close(int descriptor) {
  if (descriptor >= 0) ::close(descriptor);
}

// What the process begins with; `failed` tells the parent why it could not. Between fork and exec: system calls only.
void BecomeProgram(char* const* words, int input, int output, int failed, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::raise(SIGKILL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_DFL);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execvp(words[0], words);
  const int error = errno;
  [[maybe_unused]] const ssize_t told = ::write(failed, &error, sizeof(error));
  ::raise(SIGKILL);  // a copy of the parent has no business to go on
}

}  // namespace

absl::StatusOr<std::unique_ptr<TaskProcess>> TaskProcess::Start(const Command& command) {
  const absl::StatusOr<Pair> output = MakePipe();
  if (!output.ok()) return output.status();
  const absl::StatusOr<Pair> failed = MakePipe();
  if (!failed.ok()) return failed.status();
  absl::StatusOr<Pair> input = Pair{};
  if (command.input.has_value()) {
    input = MakeSocket();
  } else {
    input->its = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  if (!input.ok()) return input.status();

  std::vector<char*> words;
  for (const std::string& word : command.words) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) BecomeProgram(words.data(), input->its, output->its, failed->its, parent);
  const int fork_error = errno;
  for (const int descriptor : {input->its, output->its, failed->its}) Close(descriptor);
  int error = pid < 0 ? fork_error : 0;
  if (pid > 0) {
    // Ends with the exec; until then the word "not found" may come.
    ::fcntl(failed->mine, F_SETFL, 0);
    if (::read(failed->mine, &error, sizeof(error)) != sizeof(error)) error = 0;
  }
  Close(failed->mine);
  if (error != 0) {
    Close(output->mine);
    Close(input->mine);
    if (pid > 0) ::waitpid(pid, nullptr, 0);
    return absl::ErrnoToStatus(error, absl::StrCat("starting ", command.words[0]));
  }
  return std::unique_ptr<TaskProcess>(
      new TaskProcess(pid, output->mine, input->mine, command.input.value_or(std::string())));
}

TaskProcess::~TaskProcess() {
  if (!gone_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Close(output_);
  Close(input_);
}

std::string TaskProcess::Read() {
  std::string text(size_t{64} << 10, '\0');
  const ssize_t bytes = output_ < 0 ? 0 : ::read(output_, text.data(), text.size());
  if (bytes == 0) {
    Close(output_);
    output_ = -1;
  }
  text.resize(bytes > 0 ? static_cast<size_t>(bytes) : 0);
  return text;
}

void TaskProcess::SendPending() {
  while (input_ >= 0 && !pending_.empty()) {
    const ssize_t bytes = ::send(input_, pending_.data(), pending_.size(), MSG_NOSIGNAL);
    if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (bytes < 0) {  // nobody is there to read it
      pending_.clear();
      return;
    }
    pending_.erase(0, static_cast<size_t>(bytes));
  }
  if (input_ < 0 || !close_input_) return;
  Close(input_);
  input_ = -1;
}

void TaskProcess::Signal(int signal) {
  if (gone_) return;
  const bool again = signal == SIGKILL && std::exchange(killed_, killed_ || signal == SIGKILL);
  if (!is_remote_ || again) {
    ::kill(pid_, signal);
    return;
  }
  absl::StrAppend(&pending_, signal == SIGINT ? "INT\n" : signal == SIGTERM ? "TERM\n" : "KILL\n");
  close_input_ = close_input_ || signal == SIGKILL;
  SendPending();
}

std::optional<TaskEnd> TaskProcess::Ended() {
  int status = 0;
  if (gone_ || ::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  gone_ = true;
  if (!is_remote_) {
    if (WIFSIGNALED(status)) return TaskEnd{TaskEnd::How::kKilled, WTERMSIG(status)};
    return TaskEnd{TaskEnd::How::kExited, WEXITSTATUS(status)};
  }
  // ssh itself was killed, or has lost its way.
  if (WIFSIGNALED(status) || WEXITSTATUS(status) == kSshFailed) {
    return TaskEnd{started_ ? TaskEnd::How::kUnreachable : TaskEnd::How::kNotStarted, 0};
  }
  const int code = WEXITSTATUS(status);
  const bool killed = code > kSignalBase && code <= kSignalBase + kSignalMax && code != kSignalBase + SIGINT;
  if (killed) return TaskEnd{TaskEnd::How::kKilled, code - kSignalBase};
  return TaskEnd{TaskEnd::How::kExited, code};
}

}  // namespace downpour
