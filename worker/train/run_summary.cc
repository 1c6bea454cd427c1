#include "worker/train/run_summary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/number_text.h"
#include "common/cluster/task_name.h"

namespace downpour {
namespace {

// "3", "3:1" for the second replica of a worker's task.
std::string ShortName(uint32_t worker) { return WorkerName(worker).substr(std::string_view("worker/").size()); }

constexpr uint64_t kStalenessRowsMax = 12;
constexpr size_t kBarColumns = 40;

// Columns as wide as their widest cell, the first `left` of them left-aligned, the others right-aligned.
std::vector<std::string> Table(const std::vector<std::vector<std::string>>& rows, size_t left) {
  std::vector<size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::vector<std::string> lines;
  for (const auto& row : rows) {
    std::string& line = lines.emplace_back(" ");
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - row[i].size(), ' ');
      absl::StrAppend(&line, i == 0 ? " " : "  ", i < left ? "" : space, row[i], i < left ? space : "");
    }
    line.resize(line.find_last_not_of(' ') + 1);
  }
  return lines;
}

std::string Share(double part, double whole) { return whole > 0 ? PercentText(part / whole, 0) : "-"; }

std::string ReplicaTable(const RunEnd& end) {
  std::vector<std::vector<std::string>> rows = {
      {"replica", "device", "steps", "examples", "data", "compute", "push", "pull", "wait", "evaluate"}};
  for (const ReplicaShare& replica : end.replicas) {
    const PhaseTimes& phases = replica.phases;
    const std::array<double, 6> times = {phases.data, phases.compute, phases.push,
                                         phases.pull, phases.wait,    phases.evaluate};
    double whole = 0;
    for (const double time : times) whole += time;
    std::vector<std::string>& row = rows.emplace_back();
    row = {ShortName(replica.worker), replica.device, WithThousands(replica.steps), WithThousands(replica.examples)};
    for (const double time : times) row.push_back(Share(time, whole));
  }
  return absl::StrJoin(Table(rows, 2), "\n") + "\n";
}

// As many characters as the share of a full bar has, in eighths where block characters are at hand; never nothing for
// something.
std::string Bar(double share, bool unicode) {
  if (!(share > 0)) return "";
  if (!unicode) {
    return std::string(std::max<size_t>(static_cast<size_t>(std::lround(share * kBarColumns)), 1), '#');
  }
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const size_t eighths = std::max<size_t>(static_cast<size_t>(std::lround(share * kBarColumns * 8)), 1);
  std::string bar;
  for (size_t i = 0; i < eighths / 8; ++i) bar += "█";
  return bar + kEighths[eighths % 8];
}

std::string StalenessBars(const std::map<uint64_t, uint64_t>& staleness, bool unicode) {
  const uint64_t first = staleness.begin()->first, last = staleness.rbegin()->first;
  const uint64_t step = (last - first) / kStalenessRowsMax + 1;  // values of a row
  std::vector<uint64_t> counts((last - first) / step + 1);
  uint64_t all = 0, most = 1;
  for (const auto& [value, count] : staleness) {
    counts[(value - first) / step] += count;
    all += count;
    most = std::max(most, counts[(value - first) / step]);
  }
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < counts.size(); ++i) {
    const uint64_t from = first + i * step, to = from + std::min(step - 1, last - from);
    rows.push_back({from == to ? absl::StrCat(from) : absl::StrCat(from, "-", to), WithThousands(counts[i]),
                    PercentText(static_cast<double>(counts[i]) / static_cast<double>(std::max<uint64_t>(all, 1)), 1)});
  }
  std::string text;
  const std::vector<std::string> lines = Table(rows, 0);
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string bar = Bar(static_cast<double>(counts[i]) / static_cast<double>(most), unicode);
    absl::StrAppend(&text, lines[i], bar.empty() ? "" : "  ", bar, "\n");
  }
  return text;
}

// "test accuracy 91.80 %, loss 0.2401": the accuracy where there is one.
std::string Figures(const RunEvaluation& evaluation) {
  std::string text = evaluation.split + " ";
  if (!std::isnan(evaluation.accuracy)) absl::StrAppend(&text, "accuracy ", PercentText(evaluation.accuracy, 2), ", ");
  return absl::StrCat(text, "loss ", LossText(evaluation.loss));
}

std::string Heading(const RunEnd& end) {
  // By whoever ran it, why.
  if (!end.status.ok()) return absl::StrCat("Failed after ", WithThousands(end.steps), " steps");
  return absl::StrCat(end.interrupted ? "Stopped early" : "Done", end.reason.empty() ? "" : ": ", end.reason);
}

}  // namespace

std::string LossText(double loss) {
  return std::isfinite(loss) && std::abs(loss) < 1000 ? absl::StrFormat("%.4f", loss) : absl::StrFormat("%.4g", loss);
}

std::string EvaluationText(const RunEvaluation& evaluation) {
  return absl::StrFormat("evaluation after step %s (epoch %.2f): %s%s, took %s%s", WithThousands(evaluation.step),
                         evaluation.epoch, Figures(evaluation), evaluation.average ? ", averaged weights" : "",
                         DurationText(evaluation.took_seconds), evaluation.best ? ", best so far" : "");
}

std::string SummaryText(const RunEnd& end, bool unicode) {
  std::string text = absl::StrCat("\n", Heading(end), "\n");
  const auto line = [&](const char* name, const std::string& value) {
    absl::StrAppend(&text, absl::StrFormat("  %-9s  %s\n", name, value));
  };
  if (end.last.has_value()) line("result", Figures(*end.last));
  if (end.best.has_value()) {
    const bool is_last = end.last.has_value() && end.last->step == end.best->step && end.last->split == end.best->split;
    line("best",
         is_last ? "the last one" : absl::StrCat(Figures(*end.best), " after step ", WithThousands(end.best->step)));
  }
  line("time", absl::StrCat(DurationText(end.seconds), " for ", WithThousands(end.steps), " steps, ",
                            WithThousands(end.examples), " examples"));
  line("speed", RoundedWithThousands(end.examples_per_second) + " examples/s");
  uint64_t pushes = end.dropped_pushes;
  for (const auto& [value, count] : end.staleness) pushes += count;
  if (end.dropped_pushes > 0) {
    line("dropped", absl::StrCat(WithThousands(end.dropped_pushes), " of ", WithThousands(pushes),
                                 " pushes came too late for their step"));
  }
  if (!end.replicas.empty()) absl::StrAppend(&text, "\n", ReplicaTable(end));
  if (!end.staleness.empty()) {
    absl::StrAppend(&text, "\n  staleness of pushes, mean ", absl::StrFormat("%.2f", end.staleness_mean), "\n",
                    StalenessBars(end.staleness, unicode));
  }
  return text;
}

}  // namespace downpour
