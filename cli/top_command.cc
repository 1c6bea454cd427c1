#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "cli/command.h"
#include "cli/status/cluster_poller.h"
#include "cli/status/cluster_view.h"
#include "cli/status/connection_flags.h"
#include "cli/status/terminal.h"
#include "cli/status/top_frame.h"
#include "cli/status/top_model.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mutex.h"

namespace downpour {
namespace {

// What would be written across the drawing.
class NoLog : public LogSink {
 public:
  void Write(const LogEntry&) override {}
};

// Looks at the job again and again, on a thread of its own, since a task that hangs takes its time.
class Watcher {
 public:
  // All outlive it. `wake`: an eventfd that tells of each new view.
  Watcher(StatusClient* client, ClusterPoller* poller, double interval, int wake)
      : client_(client), poller_(poller), interval_(absl::Seconds(interval)), wake_(wake), thread_([this] {
          Watch();
        }) {}

  ~Watcher() {
    {
      MutexLock lock(&mutex_);
      ending_ = true;
    }
    changed_.SignalAll();
    client_->Cancel();
    thread_.join();
  }

  // The newest that was not taken yet.
  std::optional<ClusterView> Take() {
    MutexLock lock(&mutex_);
    return std::exchange(view_, std::nullopt);
  }

  // The address of the server whose shards are wanted; empty: of none.
  void WantShardsOf(const std::string& address) {
    MutexLock lock(&mutex_);
    shards_of_ = address;
  }

 private:
  void Watch() {
    std::optional<ClusterSample> before;
    while (true) {
      std::string shards_of;
      {
        MutexLock lock(&mutex_);
        if (ending_) return;
        shards_of = shards_of_;
      }
      ClusterSample now = poller_->Poll([&](const std::string& address) { return address == shards_of; });
      ClusterView view = MakeClusterView(before.has_value() ? &*before : nullptr, now);
      if (now.AnyAnswered()) before = std::move(now);
      const absl::Duration next = SteadyClock::Get().Now() + interval_;
      MutexLock lock(&mutex_);
      view_ = std::move(view);
      const uint64_t one = 1;
      if (write(wake_, &one, sizeof(one)) < 0) return;
      while (!ending_ && SteadyClock::Get().Now() < next) {
        changed_.WaitFor(&mutex_, next - SteadyClock::Get().Now());
      }
    }
  }

  StatusClient* const client_;
  ClusterPoller* const poller_;
  const absl::Duration interval_;
  const int wake_;
  Mutex mutex_;
  CondVar changed_;
  bool ending_ DP_GUARDED_BY(mutex_) = false;
  std::optional<ClusterView> view_ DP_GUARDED_BY(mutex_);
  std::string shards_of_ DP_GUARDED_BY(mutex_);
  std::thread thread_;
};

class TopCommand : public Command {
 public:
  CLI::App* Register(CLI::App& app) override {
    CLI::App* command = app.add_subcommand("top", "Watch a running job on the terminal; ? shows the keys");
    connection_.Register(command);
    command->add_option("--interval", interval_, "Seconds from one look to the next")
        ->check(CLI::Range(0.1, 3600.0))
        ->capture_default_str();
    return command;
  }

  int Run() override {
    const auto addresses = connection_.Addresses();
    if (!addresses.ok()) return Complain(addresses.status());
    // Before there are threads, which inherit it: signals are read as they come, between two drawings.
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH}) sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    const int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signal_fd < 0 || wake < 0) return Complain(absl::InternalError("no descriptors are left"));

    const auto client = connection_.Connect();
    if (!client.ok()) return Complain(client.status());
    ClusterPoller poller(client->get(), *addresses, HostName(), SteadyClock::Get());
    auto terminal = Terminal::Open();
    if (!terminal.ok()) return Complain(terminal.status());
    const auto sink = SetLogSink(std::make_shared<NoLog>());
    int ended_by = 0;
    {
      Watcher watcher(client->get(), &poller, interval_, wake);
      ended_by = Watch(terminal->get(), &watcher, absl::StrJoin(*addresses, ", "), signal_fd, wake);
      // At once, and not when the last call has ended.
      terminal->reset();
    }
    SetLogSink(sink);
    if (ended_by == 0) return kExitDone;
    if (ended_by == SIGINT) return kExitInterrupted;
    // As if nobody had held it up, so that who sent it sees its effect.
    std::signal(ended_by, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    raise(ended_by);
    return kExitFailed;
  }

 private:
  static int Complain(const absl::Status& status) {
    std::fprintf(stderr, "downpour: %s\n", std::string(status.message()).c_str());
    return absl::IsInternal(status) ? kExitFailed : kExitUsage;
  }

  // Until somebody quits; the signal that did, 0: a key.
  static int Watch(Terminal* terminal, Watcher* watcher, const std::string& asking, int signal_fd, int wake) {
    TopModel model;
    while (true) {
      const TopFrameOptions options = {
          .rows = terminal->rows(), .columns = terminal->columns(), .unicode = terminal->unicode(), .asking = asking};
      terminal->Draw(TopFrame(model, options));
      pollfd ready[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                        {.fd = signal_fd, .events = POLLIN, .revents = 0},
                        {.fd = wake, .events = POLLIN, .revents = 0}};
      if (poll(ready, 3, -1) < 0 && errno != EINTR) return SIGTERM;
      signalfd_siginfo signal = {};
      while (read(signal_fd, &signal, sizeof(signal)) == static_cast<ssize_t>(sizeof(signal))) {
        if (signal.ssi_signo == SIGWINCH) {
          terminal->Resize();
        } else if (signal.ssi_signo == SIGTSTP) {
          terminal->Suspend();
        } else {
          return static_cast<int>(signal.ssi_signo);
        }
      }
      uint64_t views = 0;
      if (read(wake, &views, sizeof(views)) > 0) {
        if (std::optional<ClusterView> view = watcher->Take()) model.Update(*std::move(view));
      }
      if ((ready[0].revents & POLLIN) != 0) {
        bool any = false;
        for (Terminal::Pressed pressed = terminal->Read(); pressed.any; pressed = terminal->Read()) {
          model.Press(pressed.key, TopPage(options));
          any = true;
        }
        // The terminal has gone: there is always something to read, and never anything.
        if (!any && (ready[0].revents & POLLHUP) != 0) return SIGHUP;
      } else if ((ready[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
        return SIGHUP;
      }
      if (model.quits()) return 0;
      const ServerView* const server = model.shows_details() ? model.SelectedServer() : nullptr;
      watcher->WantShardsOf(server == nullptr ? "" : server->address);
    }
  }

  ConnectionFlags connection_;
  double interval_ = 1;
};

}  // namespace

std::unique_ptr<Command> MakeTopCommand() { return std::make_unique<TopCommand>(); }

}  // namespace downpour
