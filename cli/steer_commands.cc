// `downpour drain` and `downpour stop`.

#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "cli/command.h"
#include "cli/status/cluster_poller.h"
#include "cli/status/connection_flags.h"
#include "cli/status/steering.h"
#include "common/base/clock.h"

namespace downpour {
namespace {

int Complain(const absl::Status& status, int exit) {
  for (const absl::string_view line : absl::StrSplit(status.message(), '\n')) {
    std::fprintf(stderr, "downpour: %s\n", std::string(line).c_str());
  }
  return exit;
}

void Say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

int Steer(const ConnectionFlags& connection, const std::function<absl::Status(Steering*)>& steer) {
  const auto addresses = connection.Addresses();
  if (!addresses.ok()) return Complain(addresses.status(), kExitUsage);
  const auto client = connection.Connect();
  if (!client.ok()) return Complain(client.status(), kExitUsage);
  ClusterPoller poller(client->get(), *addresses, HostName(), SteadyClock::Get());
  Steering steering(client->get(), &poller, Say);
  const absl::Status status = steer(&steering);
  return status.ok() ? kExitDone : Complain(status, kExitFailed);
}

class DrainCommand : public Command {
 public:
  CLI::App* Register(CLI::App& app) override {
    CLI::App* command = app.add_subcommand(
        "drain", "Give workers no more work: they finish what they hold and leave, others do the rest");
    connection_.Register(command, "ADDRESS", ". And the workers to drain: worker/3");
    return command;
  }

  int Run() override {
    const auto tasks = TasksToDrain(connection_.TaskWords());
    if (!tasks.ok()) return Complain(tasks.status(), kExitUsage);
    return Steer(connection_, [&](Steering* steering) { return steering->Drain(*tasks); });
  }

 private:
  ConnectionFlags connection_;
};

class StopCommand : public Command {
 public:
  CLI::App* Register(CLI::App& app) override {
    CLI::App* command = app.add_subcommand("stop", "End a run: workers finish their step and leave");
    connection_.Register(command);
    command->add_flag("--servers", options_.servers, "Then shut down the servers, once the workers have left");
    command->add_flag("--evaluate", options_.evaluate, "A job that evaluates at its end still does");
    command->add_option("--why", options_.why, "The reason, for logs and reports");
    command->add_option("--timeout", timeout_, "With --servers: seconds to wait for the workers to leave")
        ->check(CLI::Range(0.0, 86400.0))
        ->capture_default_str();
    return command;
  }

  int Run() override {
    if (const auto tasks = connection_.TaskWords(); !tasks.empty()) {
      return Complain(absl::InvalidArgumentError(tasks[0] + ": a run is stopped as a whole; `downpour drain` takes "
                                                            "single workers out of it"),
                      kExitUsage);
    }
    options_.patience = absl::Seconds(timeout_);
    return Steer(connection_, [&](Steering* steering) { return steering->Stop(options_); });
  }

 private:
  ConnectionFlags connection_;
  Steering::StopOptions options_;
  double timeout_ = 60;
};

}  // namespace

std::unique_ptr<Command> MakeDrainCommand() { return std::make_unique<DrainCommand>(); }
std::unique_ptr<Command> MakeStopCommand() { return std::make_unique<StopCommand>(); }

}  // namespace downpour
