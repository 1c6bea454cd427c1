#include "cli/status/diagnosis.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "cli/status/diagnosis_rules.h"
#include "cli/status/figure_text.h"
#include "cli/status/job_facts.h"

namespace downpour {
namespace {

// What costs less is noise.
constexpr double kLostMin = 0.01;
// Fewer steps say little of a worker.
constexpr double kStepsEnough = 5;
constexpr size_t kSilentTasksMax = 10;

template <Phase phase>
double Share(const JobFacts& facts) {
  Peers peers;
  for (const WorkerFacts& worker : facts.workers) {
    if (worker.live() && worker.measured) peers.Add(worker.of(phase));
  }
  return peers.Mean();
}

void AddNotes(const JobFacts& facts, Diagnosis* diagnosis) {
  std::vector<std::string>& notes = diagnosis->notes;
  if (!facts.run_known) notes.push_back("the server that coordinates does not answer, or has no job yet");
  Peers steps;
  size_t live = 0, measured = 0;
  for (const WorkerFacts& worker : facts.workers) {
    if (!worker.live()) continue;
    ++live;
    if (!worker.measured) continue;
    ++measured;
    steps.Add(worker.steps);
  }
  if (live == 0) notes.push_back("no worker trains");
  if (measured < live) notes.push_back(absl::StrCat("of ", live, " workers ", live - measured, " tell no load yet"));
  if (measured > 0 && steps.Median() < kStepsEnough && !facts.finished) {
    notes.push_back(absl::StrCat("workers finished only ", NumberText(steps.Median()),
                                 " steps meanwhile: look for longer, by --interval"));
  }
  for (size_t i = 0; i < facts.silent_tasks.size() && i < kSilentTasksMax; ++i) {
    notes.push_back(absl::StrCat(facts.silent_tasks[i], " (the coordinator's word was taken for it)"));
  }
}

}  // namespace

Diagnosis Diagnose(const ClusterSample& before, const ClusterSample& now) {
  const JobFacts facts = CollectJobFacts(before, now);
  Diagnosis diagnosis;
  diagnosis.seconds = std::isnan(facts.seconds) ? 0 : facts.seconds;
  diagnosis.finished = facts.finished;
  diagnosis.data = Share<Phase::kData>(facts);
  diagnosis.compute = Share<Phase::kCompute>(facts);
  diagnosis.communication = facts.ShareOf(&WorkerFacts::communication).Mean();
  diagnosis.wait = Share<Phase::kWait>(facts);
  diagnosis.workers = static_cast<double>(facts.ShareOf(&WorkerFacts::waiting).size());

  Findings& found = diagnosis.findings;
  for (const auto rule : {FindStragglers, FindLostTasks, FindStandstill, FindStarvingReaders, FindWaitingForWork,
                          FindEvaluation, FindOverloadedHosts, FindHotShards, FindSlowServers, FindSlowLinks,
                          FindBrokenLinks, FindCommunication, FindRefusals, FindLateGradients, FindStaleness}) {
    rule(facts, &found);
  }
  for (Finding& finding : found) {
    finding.lost = std::isnan(finding.lost) ? 0 : std::clamp(finding.lost, 0.0, 1.0);
    std::erase_if(finding.figures, [](const auto& figure) { return std::isnan(Figure(figure.second)); });
  }
  std::erase_if(found, [](const Finding& finding) { return finding.lost < kLostMin && finding.cause != "staleness"; });
  std::stable_sort(found.begin(), found.end(), [](const Finding& a, const Finding& b) { return a.lost > b.lost; });
  AddNotes(facts, &diagnosis);
  return diagnosis;
}

}  // namespace downpour
