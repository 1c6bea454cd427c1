#include "common/base/program.h"

#include <cstdio>

#include "common/base/exit_status.h"
#include "common/base/log.h"
#include "common/base/version_facts.h"

namespace downpour {

void ProgramFlags::Register(CLI::App* app) {
  app->add_option("--log_format", log_format, "Of the log on stderr")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app->add_flag("--version", version, "Show the version, and those of what it was built on");
}

std::optional<int> StartProgram(const ProgramFlags& flags) {
  if (flags.version) {
    const std::string text = VersionText(VersionFacts());
    const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    return written ? kExitDone : kExitFailed;
  }
  if (flags.log_format == "json") SetLogFormat(LogFormat::kJson);
  return std::nullopt;
}

}  // namespace downpour
