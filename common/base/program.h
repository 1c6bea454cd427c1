#ifndef DOWNPOUR_COMMON_BASE_PROGRAM_H_
#define DOWNPOUR_COMMON_BASE_PROGRAM_H_

#include <optional>
#include <string>

#include "CLI/CLI.hpp"

namespace downpour {

// The flags that every program for machines has.
struct ProgramFlags {
  std::string log_format = "text";
  bool version = false;

  void Register(CLI::App* app);
};

// Does what the flags ask for, once they are read. The exit status where there is nothing more to do: after --version.
std::optional<int> StartProgram(const ProgramFlags& flags);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_PROGRAM_H_
