// What a task's shell does on another host. ssh hands a command over as one text, which whatever login shell there is
// takes apart; so the command is always the same few plain words, and everything else comes by standard input: a script
// for `sh`, the files, and then the signals.
#ifndef DOWNPOUR_CLI_LAUNCH_REMOTE_SCRIPT_H_
#define DOWNPOUR_CLI_LAUNCH_REMOTE_SCRIPT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace downpour {

// `text` as one word of a POSIX shell, whatever is in it.
std::string ShellQuote(std::string_view text);

struct RemoteTask {
  std::string program;
  std::vector<std::string> arguments = {};
  uint32_t workers_on_host = 0;   // as LaunchTask has it
  std::string folder = {};        // to run in, made if missing; empty: where ssh begins
  std::string cluster_file = {};  // text
  std::string job_file = {};      // text; empty: the program is not told of a job
};

// A line of its output once the program is about to start.
inline constexpr std::string_view kRemoteStarted = "downpour-launch: started";

struct RemoteCommand {
  std::string command;  // ssh's last argument
  std::string input;    // that standard input begins with
};

// The program runs with the files in a folder of their own, which goes with it. After `input`, each line "INT", "TERM"
// or "KILL" is sent to it as a signal; at the end of standard input it is killed, so nothing outlives the connection.
// The status is the program's, 128 + N if signal N ended it, and 255 if it could not be started, as ssh has it.
RemoteCommand MakeRemoteCommand(const RemoteTask& task);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_LAUNCH_REMOTE_SCRIPT_H_
