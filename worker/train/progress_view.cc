#include "worker/train/progress_view.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/number_text.h"
#include "common/base/string_view.h"
#include "worker/train/run_summary.h"

namespace downpour {
namespace {

constexpr absl::Duration kRedrawPause = absl::Milliseconds(200);
// Between plain lines: a sixtieth of the run so far, within these.
constexpr absl::Duration kLinePauseMin = absl::Seconds(5);
constexpr absl::Duration kLinePauseMax = absl::Seconds(60);
constexpr size_t kDevicesShown = 6;
constexpr char kEraseLine[] = "\r\x1b[K";

// A part of a line that shows progress, in full and short, and how gladly one does without it.
struct Part {
  std::string text;
  std::string short_text;
  int dispensable = 0;  // those with the largest go first where there is no room; 0 never goes
};

std::string Joined(const std::vector<Part>& parts, std::string Part::*text) {
  return absl::StrJoin(parts, "  ", [&](std::string* out, const Part& part) { out->append(part.*text); });
}

std::vector<Part> PartsOf(const RunProgress& progress, const RunStart& start, std::optional<double> remaining) {
  std::vector<Part> parts;
  std::string step = absl::StrCat("step ", WithThousands(progress.step));
  if (start.steps.has_value()) absl::StrAppend(&step, "/", WithThousands(*start.steps));
  parts.push_back({step, step, 0});
  const std::string epoch = absl::StrFormat("epoch %.2f", progress.epoch);
  parts.push_back({epoch, epoch, 4});
  const std::string loss = absl::StrCat("loss ", LossText(progress.loss));
  parts.push_back({loss, loss, 1});
  if (!std::isnan(progress.accuracy)) {
    const std::string accuracy = PercentText(progress.accuracy, 1);
    parts.push_back({absl::StrCat("accuracy ", accuracy), absl::StrCat("acc ", accuracy), 6});
  }
  const std::string rate = RoundedWithThousands(progress.examples_per_second);
  parts.push_back({absl::StrCat(rate, " examples/s"), absl::StrCat(rate, " ex/s"), 3});
  if (!std::isnan(progress.staleness)) {
    const std::string staleness = absl::StrFormat("%.1f", progress.staleness);
    parts.push_back({absl::StrCat("staleness ", staleness), absl::StrCat("stale ", staleness), 5});
  }
  if (remaining.has_value()) {
    parts.push_back({absl::StrCat(DurationText(*remaining), " left"), absl::StrCat(ClockText(*remaining), " left"), 2});
  }
  return parts;
}

std::string DevicesText(const std::vector<std::string>& devices) {
  if (devices.size() <= kDevicesShown) return absl::StrJoin(devices, ", ");
  return absl::StrCat(devices[0], ", ", devices[1], " ... ", devices.back());
}

std::string StartText(const RunStart& start) {
  std::string text = absl::StrCat(start.job, ": ", start.model, ", ", WithThousands(start.parameters), " parameters\n");
  const auto line = [&](const char* name, const std::string& value) {
    absl::StrAppend(&text, absl::StrFormat("  %-9s %s\n", name, value));
  };
  line("data", start.data);
  line("replicas", absl::StrCat(start.devices.size(), " on ", DevicesText(start.devices), ", batches of ",
                                WithThousands(start.batch)));
  line("servers", absl::StrCat(start.servers, ", reached by ", start.carrier));
  line("policy", absl::StrCat(start.policy, ", optimizer ", start.optimizer, ", seed ", start.seed));
  std::vector<std::string> budget;
  if (start.steps.has_value()) {
    budget.push_back(absl::StrCat(WithThousands(*start.steps), " steps"));
    if (start.examples > 0) {
      const double epochs =
          static_cast<double>(*start.steps) * static_cast<double>(start.batch) / static_cast<double>(start.examples);
      budget.back() += absl::StrFormat(" (%.1f epochs)", epochs);
    }
  }
  if (start.seconds_allowed.has_value()) budget.push_back("at most " + DurationText(*start.seconds_allowed));
  line("budget", budget.empty() ? "no end named" : absl::StrJoin(budget, ", "));
  return text;
}

bool SpeaksUtf8() {
  for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    return std::strstr(value, "UTF-8") != nullptr || std::strstr(value, "utf8") != nullptr;
  }
  return false;
}

}  // namespace

ProgressOutput ProgressOutput::Of(std::FILE* file) {
  ProgressOutput output;
  output.write = [file](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), file);
    std::fflush(file);
  };
  const int descriptor = fileno(file);
  const char* const kind = std::getenv("TERM");
  output.is_terminal = isatty(descriptor) == 1 && kind != nullptr && std::strcmp(kind, "dumb") != 0;
  output.columns = [descriptor] {
    winsize size = {};
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  };
  output.unicode = SpeaksUtf8();
  return output;
}

ProgressView::ProgressView(const Clock& clock, ProgressOutput output) : clock_(clock), output_(std::move(output)) {}

ProgressView::~ProgressView() {
  if (live_) output_.write("\n");
}

void ProgressView::Started(const RunStart& start) {
  start_ = start;
  remaining_ = RemainingTime(start.steps, start.seconds_allowed);
  Keep(StartText(start));
}

void ProgressView::Progressed(const RunProgress& progress) {
  progress_ = progress;
  remaining_.At(progress.step, progress.seconds);
  if (shown_at_.has_value() && clock_.Now() - *shown_at_ < Pause()) return;
  shown_at_ = clock_.Now();
  Draw();
}

void ProgressView::Evaluated(const RunEvaluation& evaluation) {
  remaining_.At(evaluation.step, evaluation.seconds);
  Keep(EvaluationText(evaluation) + "\n");
}

void ProgressView::Noted(std::string_view text) { Keep(absl::StrCat(ToAbsl(text), "\n")); }

void ProgressView::Ended(const RunEnd& end) {
  if (live_) output_.write(kEraseLine);
  live_ = false;
  progress_.reset();
  output_.write(SummaryText(end, output_.unicode));
}

void ProgressView::Keep(std::string text) {
  if (!live_) {
    output_.write(text);
    return;
  }
  // In one piece with the live line below it, so that nothing flickers.
  output_.write(absl::StrCat(kEraseLine, text, LiveLine(output_.columns())));
}

std::string ProgressView::LiveLine(int columns) const {
  std::vector<Part> parts = PartsOf(*progress_, start_, remaining_.Seconds());
  // Most terminals wrap, or wait to, once the last column is written.
  const size_t room = static_cast<size_t>(std::max(columns - 1, 1));
  std::string line = Joined(parts, &Part::text);
  if (line.size() <= room) return line;
  while ((line = Joined(parts, &Part::short_text)).size() > room) {
    const auto least = std::max_element(parts.begin(), parts.end(),
                                        [](const Part& a, const Part& b) { return a.dispensable < b.dispensable; });
    if (least->dispensable == 0) return line.substr(0, room);
    parts.erase(least);
  }
  return line;
}

void ProgressView::Draw() {
  if (output_.is_terminal) {
    output_.write(absl::StrCat("\r", LiveLine(output_.columns()), "\x1b[K"));
    live_ = true;
  } else {
    output_.write(Joined(PartsOf(*progress_, start_, remaining_.Seconds()), &Part::text) + "\n");
  }
}

absl::Duration ProgressView::Pause() const {
  if (output_.is_terminal) return kRedrawPause;
  return std::clamp(absl::Seconds(progress_->seconds) / 60, kLinePauseMin, kLinePauseMax);
}

}  // namespace downpour
