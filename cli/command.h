#ifndef DOWNPOUR_CLI_COMMAND_H_
#define DOWNPOUR_CLI_COMMAND_H_

#include <memory>

#include "CLI/CLI.hpp"
#include "common/base/exit_status.h"

// The frame of the `downpour` program: each subcommand is a class in its own file, listed in downpour_main.cc.

namespace downpour {

// One subcommand. Registered once, before the command line is read; run at most once, on the main thread.
class Command {
 public:
  virtual ~Command() = default;

  // Adds the subcommand with its flags to `app` and returns it. `this` outlives `app`.
  virtual CLI::App* Register(CLI::App& app) = 0;

  // Does the work; the return value is the exit status of the program.
  virtual int Run() = 0;
};

std::unique_ptr<Command> MakeBenchCommand();
std::unique_ptr<Command> MakeDataCommand();
std::unique_ptr<Command> MakeJobCommand();
std::unique_ptr<Command> MakeLaunchCommand();
std::unique_ptr<Command> MakeModelCommand();
std::unique_ptr<Command> MakeTrainCommand();
std::unique_ptr<Command> MakePlotCommand();
std::unique_ptr<Command> MakeDrainCommand();
std::unique_ptr<Command> MakeStatusCommand();
std::unique_ptr<Command> MakeStopCommand();
std::unique_ptr<Command> MakeTopCommand();
std::unique_ptr<Command> MakeWhySlowCommand();
std::unique_ptr<Command> MakeVersionCommand();

}  // namespace downpour

#endif  // DOWNPOUR_CLI_COMMAND_H_
