#include <cstdio>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "cli/command.h"
#include "cli/version.h"

namespace downpour {
namespace {

class VersionCommand : public Command {
 public:
  CLI::App* Register(CLI::App& app) override {
    CLI::App* command = app.add_subcommand("version", "Show the version, and those of what it was built on");
    command->add_flag("--json", json_, "One JSON object instead of lines for people");
    return command;
  }

  int Run() override {
    const std::string text = json_ ? VersionJson(VersionFacts()) : VersionText(VersionFacts());
    const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    return written ? kExitDone : kExitFailed;
  }

 private:
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeVersionCommand() { return std::make_unique<VersionCommand>(); }

}  // namespace downpour
