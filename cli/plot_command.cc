#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "cli/command.h"
#include "cli/plot/run_log.h"
#include "cli/plot/run_picture.h"

namespace downpour {
namespace {

// `downpour plot`: runs as one picture.
class PlotCommand : public Command {
 public:
  CLI::App* Register(CLI::App& app) override {
    CLI::App* command = app.add_subcommand("plot", "Draw loss and accuracy of runs, against steps and time, as SVG");
    command
        ->add_option("RUN", runs_,
                     "A file that `downpour train --json_log=FILE` wrote, or a log folder with a run.jsonl in it; "
                     "several are drawn into one picture")
        ->required();
    command->add_option("-o,--output", output_, "The picture, an .svg file")->required();
    command->add_option("--title", title_, "Above the picture; the job's name otherwise");
    command->add_option("--label", labels_, "The name of a run in the legend, in the order of the runs; repeat it")
        ->take_all()
        ->allow_extra_args(false);
    return command;
  }

  int Run() override {
    if (!labels_.empty() && labels_.size() != runs_.size()) {
      return Complain("there are " + std::to_string(labels_.size()) + " --label for " + std::to_string(runs_.size()) +
                      " runs: name all of them or none");
    }
    for (const char* const other : {".png", ".pdf", ".jpg", ".jpeg"}) {
      if (absl::EndsWithIgnoreCase(output_, other)) {
        return Complain("pictures are written as SVG: name " + output_ + " .svg, and convert it with, for example, " +
                        "rsvg-convert (Debian's librsvg2-bin) or Inkscape");
      }
    }
    const std::vector<std::string> names = labels_.empty() ? RunNames(runs_) : labels_;
    std::vector<NamedRun> runs;
    for (size_t i = 0; i < runs_.size(); ++i) {
      absl::StatusOr<RunLog> log = ReadRunLog(runs_[i]);
      if (!log.ok()) return Complain(std::string(log.status().message()));
      runs.push_back({names[i], *std::move(log)});
      std::error_code error;
      if (std::filesystem::equivalent(runs_[i], output_, error)) {
        return Complain("the picture would take the place of the log " + runs_[i] + ": name another file by -o");
      }
    }
    return Write(RunPicture(runs, title_.empty() ? TitleOf(runs) : title_));
  }

 private:
  static int Complain(const std::string& text, int exit_status = kExitUsage) {
    std::fprintf(stderr, "downpour: %s\n", text.c_str());
    return exit_status;
  }

  // The job's name, where all runs are of one job.
  static std::string TitleOf(const std::vector<NamedRun>& runs) {
    for (const NamedRun& run : runs) {
      if (run.log.job != runs[0].log.job) return std::to_string(runs.size()) + " runs";
    }
    return runs[0].log.job.empty() ? runs[0].name : runs[0].log.job;
  }

  int Write(const std::string& picture) const {
    std::FILE* const file = std::fopen(output_.c_str(), "w");
    if (file == nullptr) {
      return Complain(std::string(absl::ErrnoToStatus(errno, "cannot write " + output_).message()));
    }
    const bool written = std::fwrite(picture.data(), 1, picture.size(), file) == picture.size();
    const bool closed = std::fclose(file) == 0;
    if (written && closed) return kExitDone;
    return Complain(std::string(absl::ErrnoToStatus(errno, "cannot write " + output_).message()), kExitFailed);
  }

  std::vector<std::string> runs_;
  std::string output_;
  std::string title_;
  std::vector<std::string> labels_;
};

}  // namespace

std::unique_ptr<Command> MakePlotCommand() { return std::make_unique<PlotCommand>(); }

}  // namespace downpour
