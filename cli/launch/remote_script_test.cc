#include "cli/launch/remote_script.h"

#include <sys/wait.h>

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

// How a remote task lives and dies is tested with processes: launch_test.py.

namespace downpour {
namespace {

struct Result {
  int status = -1;
  std::string output;
};

Result Shell(const std::string& command) {
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  Result result;
  char buffer[4096];
  size_t bytes = 0;
  while ((bytes = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0) result.output.append(buffer, bytes);
  result.status = WEXITSTATUS(::pclose(pipe));
  return result;
}

TEST(ShellQuoteTest, LeavesPlainWordsAsTheyAre) {
  EXPECT_EQ(ShellQuote("--devices=cpu:0,cpu:1"), "--devices=cpu:0,cpu:1");
  EXPECT_EQ(ShellQuote(""), "''");
  EXPECT_EQ(ShellQuote("it's"), R"('it'\''s')");
}

TEST(ShellQuoteTest, AShellReadsBackWhatWasQuoted) {
  std::vector<std::string> words = {"two words", "it's", "$HOME", "${HOME}", "\"quoted\"", "`id`", "$(id)",     "a\\b",
                                    "* ? [a-z]", "; id", "",      "~",       "!x",         "#",    "new\nline", "&&"};
  for (int byte = 1; byte < 256; ++byte) words.push_back(std::string(2, static_cast<char>(byte)));
  std::string command = "printf '<%s>'";
  std::string want;
  for (const std::string& word : words) {
    absl::StrAppend(&command, " ", ShellQuote(word));
    absl::StrAppend(&want, "<", word, ">");
  }
  EXPECT_EQ(Shell(command).output, want);
}

TEST(RemoteScriptTest, TheCommandHasNothingThatALoginShellCouldTakeForItsOwn) {
  RemoteTask task = {.program = "/a b/it's", .arguments = {"$HOME"}};
  const RemoteCommand remote = MakeRemoteCommand(task);
  EXPECT_FALSE(absl::StrContains(remote.command, "HOME")) << remote.command;
  EXPECT_FALSE(absl::StrContains(remote.command, "\n")) << remote.command;
}

TEST(RemoteScriptTest, TheScriptIsOneThatAShellCanRead) {
  RemoteTask task = {.program = "/a b/it's",
                     .arguments = {"--set=name=$HOME", "--x='\"`"},
                     .workers_on_host = 3,
                     .folder = "-my folder",
                     .cluster_file = "task {}\n",
                     .job_file = "name: \"it's\"\n"};
  const RemoteCommand remote = MakeRemoteCommand(task);
  const std::string script =
      remote.input.substr(0, remote.input.size() - task.cluster_file.size() - task.job_file.size());
  EXPECT_TRUE(absl::StrContains(remote.command, absl::StrCat("head -c ", script.size(), ")"))) << remote.command;
  const Result result = Shell(absl::StrCat("sh -n -c ", ShellQuote(script), " 2>&1"));
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_EQ(result.output, "");
}

}  // namespace
}  // namespace downpour
