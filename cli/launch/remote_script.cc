#include "cli/launch/remote_script.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"

namespace downpour {
namespace {

// The process of the program has the number in `pid`, and the dispositions of signals that a foreground process has: a
// background one of `sh` would ignore SIGINT.
constexpr char kReadSignals[] = R"sh(send() {
  tries=0
  until [ -s "$files/pid" ] || [ "$tries" -eq 200 ]; do
    sleep 0.05
    tries=$((tries + 1))
  done
  kill -s "$1" "$(cat "$files/pid")"
}
{
  while read -r signal; do send "$signal"; done
  send KILL
} <&3 3<&- >/dev/null 2>&1 &
reader=$!
trap 'kill "$reader" 2>/dev/null; rm -rf "$files"' EXIT
)sh";

// Adds --devices to the words of the program.
constexpr char kShareCores[] = R"sh(lanes=$(($(nproc) / sharers))
devices=cpu:0
lane=1
while [ "$lane" -lt "$lanes" ]; do
  devices=$devices,cpu:$lane
  lane=$((lane + 1))
done
set -- "$@" "--devices=$devices"
)sh";

// What the shell itself would say of a program that a signal ended, the launch says better.
constexpr char kRunProgram[] = R"sh(exec 4>&2 2>/dev/null
sh -c 'exec 2>&4 4>&- && echo $$ >"$1/pid" && shift && exec "$@"' downpour-launch "$files" "$@" 3<&-
exit "$?"
)sh";

}  // namespace

std::string ShellQuote(std::string_view text) {
  const auto is_plain = [](char character) {
    return absl::ascii_isalnum(static_cast<unsigned char>(character)) ||
           std::string_view("-_./:=,@%+").find(character) != std::string_view::npos;
  };
  bool plain = !text.empty();
  for (const char character : text) plain = plain && is_plain(character);
  if (plain) return std::string(text);
  std::string quoted = "'";
  for (const char character : text) {
    if (character == '\'') {
      quoted += R"('\'')";
    } else {
      quoted += character;
    }
  }
  return quoted + "'";
}

RemoteCommand MakeRemoteCommand(const RemoteTask& task) {
  std::string script =
      "mask=$(umask)\n"
      "umask 077\n"
      "files=$(mktemp -d \"${TMPDIR:-/tmp}/downpour.XXXXXX\") || exit 255\n"
      "trap 'rm -rf \"$files\"' EXIT\n"
      "trap 'exit 255' HUP INT TERM\n";
  absl::StrAppend(&script, "head -c ", task.cluster_file.size(), " >\"$files/cluster.textproto\" || exit 255\n");
  absl::StrAppend(&script, "head -c ", task.job_file.size(), " >\"$files/job.textproto\" || exit 255\n");
  absl::StrAppend(&script, "exec 3<&0 </dev/null\n", kReadSignals, "umask \"$mask\"\n");
  if (!task.folder.empty()) {
    const std::string folder = ShellQuote(task.folder);
    absl::StrAppend(&script, "mkdir -p -- ", folder, " && cd -- ", folder, " || exit 255\n");
  }
  absl::StrAppend(&script, "set -- ", ShellQuote(task.program), " --cluster=\"$files/cluster.textproto\"");
  if (!task.job_file.empty()) absl::StrAppend(&script, " --job=\"$files/job.textproto\"");
  for (const std::string& argument : task.arguments) absl::StrAppend(&script, " ", ShellQuote(argument));
  script += "\n";
  if (task.workers_on_host > 0) absl::StrAppend(&script, "sharers=", task.workers_on_host, "\n", kShareCores);
  absl::StrAppend(&script, "echo '", ToAbsl(kRemoteStarted), "'\n", kRunProgram);
  RemoteCommand remote;
  remote.command = absl::StrCat("exec sh -c 'eval \"$(head -c ", script.size(), ")\"'");
  remote.input = absl::StrCat(script, task.cluster_file, task.job_file);
  return remote;
}

}  // namespace downpour
