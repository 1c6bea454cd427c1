#include <cstdio>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/command.h"
#include "cli/status/cluster_poller.h"
#include "cli/status/cluster_view.h"
#include "cli/status/connection_flags.h"
#include "cli/status/diagnosis.h"
#include "cli/status/diagnosis_text.h"
#include "common/base/clock.h"

namespace downpour {
namespace {

class WhySlowCommand : public Command {
 public:
  CLI::App* Register(CLI::App& app) override {
    CLI::App* command =
        app.add_subcommand("why-slow", "Look twice at all tasks of a running job, and say who holds it up");
    connection_.Register(command);
    command->add_flag("--json", json_, "One JSON object (docs/monitoring.md)");
    command->add_option("--interval", interval_, "Seconds between the two looks; some steps should fit in")
        ->check(CLI::Range(0.1, 3600.0))
        ->capture_default_str();
    return command;
  }

  int Run() override {
    const auto addresses = connection_.Addresses();
    if (!addresses.ok()) return Complain(addresses.status());
    const auto client = connection_.Connect();
    if (!client.ok()) return Complain(client.status());
    ClusterPoller poller(client->get(), *addresses, HostName(), SteadyClock::Get());
    const auto poll = [&] { return poller.Poll([](const std::string&) { return true; }); };

    const ClusterSample before = poll();
    ClusterSample now;
    if (before.AnyAnswered()) {
      absl::SleepFor(absl::Seconds(interval_));
      now = poll();
    }
    if (!now.AnyAnswered()) {
      for (const std::string& text : UnansweredTexts(before.AnyAnswered() ? now : before)) {
        std::fprintf(stderr, "downpour: %s\n", text.c_str());
      }
      return kExitFailed;
    }
    const Diagnosis diagnosis = Diagnose(before, now);
    const std::string text = json_ ? DiagnosisJson(diagnosis) + "\n" : DiagnosisText(diagnosis);
    const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    return written ? kExitDone : kExitFailed;
  }

 private:
  static int Complain(const absl::Status& status) {
    std::fprintf(stderr, "downpour: %s\n", std::string(status.message()).c_str());
    return kExitUsage;
  }

  ConnectionFlags connection_;
  bool json_ = false;
  double interval_ = 5;
};

}  // namespace

std::unique_ptr<Command> MakeWhySlowCommand() { return std::make_unique<WhySlowCommand>(); }

}  // namespace downpour
