#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/download_line.h"
#include "common/base/clock.h"
#include "common/base/string_view.h"
#include "worker/data/fetch/fetch_data.h"
#include "worker/data/find_data.h"
#include "worker/train/progress_view.h"

namespace downpour {
namespace {

constexpr absl::Duration kRedrawPause = absl::Milliseconds(200);

// A bar on a terminal; elsewhere only what is done.
class FetchView : public FetchObserver {
 public:
  explicit FetchView(ProgressOutput output) : output_(std::move(output)) {}

  void Progressed(std::string_view file, uint64_t bytes, uint64_t all) override {
    if (!output_.is_terminal) return;
    const absl::Duration now = SteadyClock::Get().Now();
    if (file != file_) {
      file_ = file;
      begun_at_ = now;
      begun_bytes_ = bytes;
    } else if (now - drawn_at_ < kRedrawPause) {
      return;
    }
    drawn_at_ = now;
    const double seconds = absl::ToDoubleSeconds(now - begun_at_);
    const double rate = seconds > 0.5 ? static_cast<double>(bytes - begun_bytes_) / seconds : 0;
    output_.write(absl::StrCat("\r", DownloadLine(file, bytes, all, rate, output_.columns()), "\x1b[K"));
    live_ = true;
  }

  void Said(std::string_view text) override {
    Clear();
    output_.write(absl::StrCat(ToAbsl(text), "\n"));
  }

  void Clear() {
    if (live_) output_.write("\r\x1b[K");
    live_ = false;
    file_.clear();
  }

 private:
  const ProgressOutput output_;
  std::string file_;
  absl::Duration begun_at_, drawn_at_;
  uint64_t begun_bytes_ = 0;
  bool live_ = false;
};

// `downpour data fetch`: data sets from where they are published.
class DataCommand : public Command {
 public:
  CLI::App* Register(CLI::App& app) override {
    CLI::App* command = app.add_subcommand("data", "Get data sets");
    command->require_subcommand(1);
    CLI::App* fetch = command->add_subcommand(
        "fetch", "Download a data set from where it is published, and check it; what is there is left alone");
    std::string names;
    for (const DataSource& source : DataSources()) absl::StrAppend(&names, names.empty() ? "" : ", ", source.name);
    fetch->add_option("NAME", name_, "One of " + names)->required();
    fetch->add_option(
        "--data_dir", data_dir_,
        "The folder of data sets; otherwise DOWNPOUR_DATA, otherwise a folder of your own where jobs look "
        "by themselves");
    fetch->add_option("--mirror", mirror_, "A URL that has the same files, in place of the publisher's");
    return command;
  }

  int Run() override {
    const absl::StatusOr<const DataSource*> source = FindDataSource(name_);
    if (!source.ok()) return Complain(source.status(), kExitUsage);
    const absl::StatusOr<std::string> folder = Folder();
    if (!folder.ok()) return Complain(folder.status(), kExitUsage);
    FetchView view(ProgressOutput::Of(stdout));
    const absl::Status status = FetchData(**source, {.data_dir = *folder, .mirror = mirror_}, view);
    view.Clear();
    return status.ok() ? kExitDone : Complain(status, kExitFailed);
  }

 private:
  static int Complain(const absl::Status& status, int exit_status) {
    std::fprintf(stderr, "downpour: %s\n", std::string(status.message()).c_str());
    return exit_status;
  }

  absl::StatusOr<std::string> Folder() const {
    const DataPlaces places = DataPlaces::Of(data_dir_);
    for (const std::string& folder : {places.data_dir, places.environment, places.user}) {
      if (!folder.empty()) return folder;
    }
    return absl::InvalidArgumentError("name a folder for data sets by --data_dir=DIR or DOWNPOUR_DATA");
  }

  std::string name_;
  std::string data_dir_;
  std::string mirror_;
};

}  // namespace

std::unique_ptr<Command> MakeDataCommand() { return std::make_unique<DataCommand>(); }

}  // namespace downpour
