#include "cli/step/foreign_load.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace downpour {
namespace {

// Between fork and the end: nothing that takes a lock, since other threads of the parent may have held it.
[[noreturn]] void BeBusyOn(int core, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) raise(SIGKILL);  // it ended before the line above
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof(set), &set);
  raise(SIGSTOP);
  for (volatile unsigned work = 0;;) work = work + 1;
}

}  // namespace

std::vector<int> UsableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
  return cores;
}

ForeignLoad::ForeignLoad() {
  const pid_t parent = getpid();
  for (const int core : UsableCores()) {
    const pid_t process = fork();
    if (process == 0) BeBusyOn(core, parent);
    if (process < 0) {
      status_ = absl::UnavailableError(absl::StrCat("cannot start a busy process: ", std::strerror(errno)));
      return;
    }
    processes_.push_back(process);
    int state = 0;
    while (waitpid(process, &state, WUNTRACED) < 0 && errno == EINTR) {
    }
    if (!WIFSTOPPED(state)) status_ = absl::UnavailableError("a busy process ended before it had begun");
  }
  if (processes_.empty()) status_ = absl::UnavailableError("the usable cores are not known");
}

ForeignLoad::~ForeignLoad() {
  SignalAll(SIGKILL);
  for (const pid_t process : processes_) {
    while (waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

void ForeignLoad::Start() { SignalAll(SIGCONT); }

void ForeignLoad::Stop() { SignalAll(SIGSTOP); }

void ForeignLoad::SignalAll(int signal) {
  for (const pid_t process : processes_) kill(process, signal);
}

}  // namespace downpour
