#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/command.h"
#include "cli/status/cluster_poller.h"
#include "cli/status/cluster_view.h"
#include "cli/status/connection_flags.h"
#include "cli/status/status_json.h"
#include "cli/status/status_table.h"
#include "common/base/clock.h"

namespace downpour {
namespace {

class StatusCommand : public Command {
 public:
  CLI::App* Register(CLI::App& app) override {
    CLI::App* command = app.add_subcommand("status", "Show what a running job is doing");
    connection_.Register(command);
    command->add_flag("--json", json_, "One JSON object on a line (docs/monitoring.md)");
    command
        ->add_option("--interval", interval_,
                     "Seconds between the two looks that rates are taken from; 0: one look, rates since the start")
        ->check(CLI::Range(0.0, 3600.0))
        ->capture_default_str();
    command->add_option("--watch", watch_, "Seconds after which to look again, until Ctrl-C")
        ->check(CLI::Range(0.1, 86400.0));
    command->add_flag("--shards", shards_, "With --json: each server's shards, too");
    return command;
  }

  int Run() override {
    const auto addresses = connection_.Addresses();
    if (!addresses.ok()) return Complain(addresses.status());
    const auto client = connection_.Connect();
    if (!client.ok()) return Complain(client.status());
    ClusterPoller poller(client->get(), *addresses, HostName(), SteadyClock::Get());
    const auto poll = [&] { return poller.Poll([this](const std::string&) { return shards_; }); };

    std::optional<ClusterSample> before;
    ClusterSample now = poll();
    if (interval_ > 0 && now.AnyAnswered()) {
      before = std::exchange(now, {});
      absl::SleepFor(absl::Seconds(interval_));
      now = poll();
    }
    while (true) {
      const ClusterView view = MakeClusterView(before.has_value() ? &*before : nullptr, now);
      if (!Show(view, now)) return kExitFailed;
      if (watch_ <= 0) return view.well ? kExitDone : kExitFailed;
      if (now.AnyAnswered()) before = std::move(now);
      absl::SleepFor(absl::Seconds(watch_));
      now = poll();
    }
  }

 private:
  static int Complain(const absl::Status& status) {
    std::fprintf(stderr, "downpour: %s\n", std::string(status.message()).c_str());
    return kExitUsage;
  }

  // False: nobody can read it.
  bool Show(const ClusterView& view, const ClusterSample& now) {
    std::string text;
    if (json_) {
      text = StatusJson(view) + "\n";
    } else if (now.AnyAnswered()) {
      text = StatusText(view);
    } else {
      for (const std::string& text : UnansweredTexts(now)) std::fprintf(stderr, "downpour: %s\n", text.c_str());
      return true;
    }
    if (!json_ && watch_ > 0) {
      const bool is_terminal = isatty(STDOUT_FILENO) == 1;
      text = is_terminal ? "\x1b[H\x1b[J" + text : shown_ ? "\n" + text : text;
    }
    shown_ = true;
    return std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  }

  ConnectionFlags connection_;
  bool json_ = false;
  bool shards_ = false;
  bool shown_ = false;
  double interval_ = 1;
  double watch_ = 0;
};

}  // namespace

std::unique_ptr<Command> MakeStatusCommand() { return std::make_unique<StatusCommand>(); }

}  // namespace downpour
