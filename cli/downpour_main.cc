// The `downpour` program: finds the subcommand and runs it.

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "cli/command.h"
#include "cli/transport/bench_process.h"
#include "cli/transport/transports.h"
#include "common/rpc/process_settings.h"

namespace {

// Whether the first word names a command; if not, says which there are. CLI11 would only say that one is required.
bool KnowsCommand(const CLI::App& app, const char* word) {
  std::string names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == word) return true;
    names += " " + command->get_name();
  }
  std::fprintf(stderr, "downpour: there is no command \"%s\". Commands:%s. See `downpour --help`.\n", word,
               names.c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  using downpour::Command;
  downpour::ApplyProcessSettings();
  if (downpour::IsBenchProcess(argc, argv)) {
    return downpour::BenchProcessMain(argc, argv, downpour::MakeTransports());
  }

  CLI::App app("Trains models with parameter servers: on one machine, or on many.", "downpour");
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);
  app.footer("`downpour COMMAND --help` tells more about a command.");

  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(downpour::MakeTrainCommand());
  commands.push_back(downpour::MakeLaunchCommand());
  commands.push_back(downpour::MakeBenchCommand());
  commands.push_back(downpour::MakeModelCommand());
  commands.push_back(downpour::MakeJobCommand());
  commands.push_back(downpour::MakeDataCommand());
  commands.push_back(downpour::MakePlotCommand());
  commands.push_back(downpour::MakeStatusCommand());
  commands.push_back(downpour::MakeTopCommand());
  commands.push_back(downpour::MakeWhySlowCommand());
  commands.push_back(downpour::MakeDrainCommand());
  commands.push_back(downpour::MakeStopCommand());
  commands.push_back(downpour::MakeVersionCommand());
  std::vector<std::pair<CLI::App*, Command*>> registered;
  for (const auto& command : commands) {
    registered.emplace_back(command->Register(app), command.get());
  }

  if (argc > 1 && argv[1][0] != '-' && !KnowsCommand(app, argv[1])) return downpour::kExitUsage;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? downpour::kExitDone : downpour::kExitUsage;
  }
  for (const auto& [subcommand, command] : registered) {
    if (subcommand->parsed()) return command->Run();
  }
  return downpour::kExitUsage;
}
