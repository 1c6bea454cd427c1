#include "cli/status/status_table.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/status/figure_text.h"
#include "cli/status/text_table.h"
#include "common/base/number_text.h"

namespace downpour {
namespace {

// So many problems are told in full.
constexpr size_t kProblemsMax = 20;

std::string ServersText(const ClusterView& view) {
  TextTable table({{"SERVER", true},
                   {"STATE", true},
                   {"SHARDS"},
                   {"MIB"},
                   {"UPD/S"},
                   {"PUSH/S"},
                   {"IN MB/S"},
                   {"OUT MB/S"},
                   {"HELD"},
                   {"WAIT"},
                   {"STALE"},
                   {"CORES"},
                   {"REFUSED"}});
  for (const ServerView& server : view.servers) {
    table.Add({server.task, server.state, WholeText(server.shards), MebibyteText(server.memory_used),
               NumberText(server.updates_per_second), NumberText(server.pushes_per_second),
               MegabyteText(server.in_per_second), MegabyteText(server.out_per_second), WholeText(server.pushes_held),
               WholeText(server.pulls_waiting), NumberText(server.staleness_mean), NumberText(server.cores_used),
               server.answered ? WholeText(server.refusals) : "-"});
  }
  return table.Text();
}

std::string WorkersText(const ClusterView& view) {
  TextTable table({{"WORKER", true},
                   {"STATE", true},
                   {"CLOCK"},
                   {"EX/S"},
                   {"DATA"},
                   {"COMP"},
                   {"PUSH"},
                   {"PULL"},
                   {"WAIT"},
                   {"DEVICE", true},
                   {"SEEN"},
                   {"REFUSED"},
                   {"HOST", true}});
  for (const WorkerView& worker : view.workers) {
    const auto share = [&](Phase phase) { return ShareText(worker.shares[static_cast<size_t>(phase)]); };
    table.Add({worker.name, worker.state, WholeText(worker.clock), NumberText(worker.examples_per_second),
               share(Phase::kData), share(Phase::kCompute), share(Phase::kPush), share(Phase::kPull),
               share(Phase::kWait), worker.device.empty() ? "-" : worker.device, SpanText(worker.silent_seconds),
               WholeText(worker.refusals), worker.host});
  }
  return table.Text();
}

std::vector<std::string> Problems(const ClusterView& view) {
  std::vector<std::string> problems;
  for (const ServerView& server : view.servers) {
    if (!server.problem.empty()) problems.push_back(absl::StrCat(server.task, ": ", server.problem));
  }
  for (const WorkerView& worker : view.workers) {
    if (worker.dead) {
      problems.push_back(absl::StrCat(worker.name, ": given up for dead",
                                      std::isnan(worker.silent_seconds)
                                          ? ""
                                          : absl::StrCat(", last heard of ", SpanText(worker.silent_seconds), " ago")));
    } else if (!worker.problem.empty()) {
      problems.push_back(absl::StrCat(worker.name, ": ", worker.problem));
    }
  }
  problems.insert(problems.end(), view.problems.begin(), view.problems.end());
  return problems;
}

std::string OfPlanned(const RunView& run) {
  if (std::isnan(run.steps_planned)) return "";
  return absl::StrCat(" of ", WholeText(run.steps_planned), " (", ShareText(run.steps / run.steps_planned), ")");
}

}  // namespace

std::vector<std::string> RunLines(const RunView& run) {
  std::vector<std::string> what;
  if (!run.job.empty()) what.push_back(run.job);
  if (!run.policy.empty()) what.push_back(run.policy);
  if (!run.optimizer.empty()) what.push_back(run.optimizer);
  if (run.parameters > 0) {
    what.push_back(absl::StrCat(WholeText(run.parameters), " parameters on ", WholeText(run.servers),
                                run.servers == 1 ? " server" : " servers"));
  }
  if (!run.known) {
    what.push_back(what.empty() ? "no job yet" : "nobody who coordinates the run answers");
    return {absl::StrJoin(what, ", ")};
  }
  if (run.seconds > 0) what.push_back(absl::StrCat("for ", SpanText(run.seconds)));

  std::vector<std::string> where = {absl::StrCat("step ", WholeText(run.steps), OfPlanned(run))};
  if (run.epoch > 0) where.push_back(absl::StrCat("epoch ", ScoreText(run.epoch)));
  if (!run.finished && !std::isnan(run.seconds_left))
    where.push_back(absl::StrCat(SpanText(run.seconds_left), " left"));
  std::vector<std::string> how;
  if (!std::isnan(run.loss)) how.push_back(absl::StrCat("loss ", ScoreText(run.loss)));
  if (!run.finished) how.push_back(absl::StrCat(NumberText(run.examples_per_second), " examples/s"));
  if (!std::isnan(run.best_score)) {
    how.push_back(absl::StrCat("best ", ScoreText(run.best_score), " at step ", WholeText(run.best_step)));
  }
  std::vector<std::string> lines = {absl::StrJoin(what, ", "), absl::StrJoin(where, ", ")};
  if (!how.empty()) lines.push_back(absl::StrJoin(how, ", "));
  if (run.finished) {
    lines.push_back(absl::StrCat("finished", run.why_finished.empty() ? "" : ": ", run.why_finished));
  }
  return lines;
}

std::string StatusText(const ClusterView& view) {
  std::string text = absl::StrJoin(RunLines(view.run), "\n") + "\n";
  if (!view.servers.empty()) absl::StrAppend(&text, "\n", ServersText(view));
  if (!view.workers.empty()) absl::StrAppend(&text, "\n", WorkersText(view));
  const std::vector<std::string> problems = Problems(view);
  if (!problems.empty()) text += "\n";
  for (size_t i = 0; i < problems.size() && i < kProblemsMax; ++i) absl::StrAppend(&text, "! ", problems[i], "\n");
  if (problems.size() > kProblemsMax) {
    absl::StrAppend(&text, "! and ", problems.size() - kProblemsMax, " more\n");
  }
  return text;
}

}  // namespace downpour
