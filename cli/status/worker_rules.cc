// Rules about workers: lost, standing still, slow at their own work.

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/status/diagnosis_rules.h"
#include "cli/status/figure_text.h"

namespace downpour {
namespace {

constexpr size_t kNamesMax = 8;

double OrZero(double value) { return std::isnan(value) ? 0 : value; }

std::string Names(std::vector<std::string> names) {
  const size_t count = names.size();
  if (count > kNamesMax) names.resize(kNamesMax);
  return absl::StrCat(absl::StrJoin(names, ", "), count > kNamesMax ? ", ..." : "");
}

// What the process of a worker gets of the processor; empty where that says nothing.
std::string ProcessorEvidence(const JobFacts& facts, const WorkerFacts& worker, Finding* finding) {
  const auto found = facts.by_task.find(worker.task);
  if (found == facts.by_task.end() || !found->second.has_lanes) return "";
  const HostFacts& process = found->second;
  finding->figures.emplace_back("cores_wanted", process.wanted);
  finding->figures.emplace_back("cores_used", process.got);
  if (process.got < kDeniedShare * process.wanted) {
    return absl::StrFormat(
        "its process would keep %.1f cores busy and gets %.2f: others use %s, or it is stopped or throttled",
        process.wanted, process.got, worker.host.empty() ? "its machine" : worker.host);
  }
  return absl::StrFormat(
      "its process gets the %.1f cores that it wants: its machine is a slower one, or its steps are larger",
      process.wanted);
}

// One finding for several workers of which the same is true.
struct Affected {
  std::vector<std::string> names = {};
  Peers shares = {};
  double worst = 0;
  double sum = 0;

  void Add(const std::string& name, double share) {
    names.push_back(name);
    shares.Add(share);
    worst = std::max(worst, share);
    sum += share;
  }
  std::string Subject(size_t of) const {
    if (names.size() == 1) return names[0];
    return names.size() == of ? absl::StrCat("all ", of, " workers")
                              : absl::StrCat(names.size(), " of ", of, " workers");
  }
};

// How much of the job's speed it costs that `affected` spend their time so: where the others wait for them, as much as
// it costs the worst one.
double LostBy(const JobFacts& facts, const Affected& affected, size_t measured) {
  if (measured == 0) return 0;
  const std::set<std::string> names(affected.names.begin(), affected.names.end());
  Peers others;
  for (const WorkerFacts& worker : facts.workers) {
    if (worker.live() && worker.measured && names.count(worker.name) == 0) others.Add(worker.waiting());
  }
  const double mean = affected.sum / static_cast<double>(measured);
  const bool waited_for = others.size() > 0 && others.Median() >= kImpactShare && facts.policy != "async";
  return waited_for ? std::max(mean, std::min(affected.worst, others.Median())) : mean;
}

}  // namespace

bool HasFinding(const Findings& found, const std::string& cause, const std::string& subject) {
  return std::any_of(found.begin(), found.end(),
                     [&](const Finding& finding) { return finding.cause == cause && finding.subject == subject; });
}

void FindLostTasks(const JobFacts& facts, Findings* found) {
  for (const ServerFacts& server : facts.servers) {
    if (server.why_not.empty()) continue;
    found->push_back({.cause = "no_answer",
                      .subject = server.task,
                      .lost = 1,
                      .summary = absl::StrCat(server.task, " does not answer: every worker needs its shards"),
                      .evidence = {server.why_not},
                      .advice = absl::StrCat("look whether its process runs and can be reached at ", server.address)});
  }
  const Peers waiting = facts.ShareOf(&WorkerFacts::waiting);
  const double others_wait = OrZero(waiting.Median());
  const double count = static_cast<double>(facts.workers.size());
  for (const WorkerFacts& worker : facts.workers) {
    const bool suspect = worker.state == wire::WorkerStatus::SUSPECT;
    if (!suspect && worker.state != wire::WorkerStatus::DEAD) continue;
    // Who goes by fits and starts is silent now and then.
    if (suspect && HasFinding(*found, "straggler", worker.name)) continue;
    Finding finding{.cause = "lost_worker", .subject = worker.name, .lost = 1 / count};
    finding.figures = {{"silent_seconds", worker.silent_seconds}, {"others_waiting_share", others_wait}};
    const std::string silent = std::isnan(worker.silent_seconds)
                                   ? "nothing is heard of it"
                                   : absl::StrCat("nothing was heard of it for ", SpanText(worker.silent_seconds));
    finding.evidence.push_back(silent);
    if (suspect) {
      finding.summary = absl::StrCat(worker.name, " is silent");
      if (facts.policy != "async" && others_wait >= kImpactShare) {
        finding.lost = std::max(finding.lost, others_wait);
        finding.evidence.push_back(
            absl::StrCat("the others wait for it, ", ShareText(others_wait), " of their time, until it is given up"));
      }
    } else {
      finding.summary = absl::StrCat(worker.name, " is dead, and its part of the work is done by the others");
    }
    finding.advice =
        absl::StrCat("look at its process", worker.host.empty() ? "" : " on " + worker.host,
                     " and the network there; a worker started again as ", worker.task, " goes on in its place");
    found->push_back(std::move(finding));
  }
}

void FindStandstill(const JobFacts& facts, Findings* found) {
  if (facts.finished || !(facts.seconds > 0)) return;
  std::vector<std::string> still;
  Peers usual;
  for (const WorkerFacts& worker : facts.workers) {
    if (!worker.live() || worker.draining || !worker.measured) continue;
    if (worker.steps > 0) return;
    still.push_back(worker.name);
    usual.Add(worker.mean_step);
  }
  // Steps that take longer than we have looked are no standstill.
  const double step = usual.size() > 0 ? usual.Median() : 0;
  if (still.empty() || (step > 0 && facts.seconds < 3 * step) || (step == 0 && facts.seconds < 3)) return;
  Finding finding{.cause = "standstill", .subject = "the job", .lost = 1};
  finding.summary = absl::StrCat("nothing moves: no worker finished a step in ", SpanText(facts.seconds));
  if (step > 0) finding.evidence.push_back(absl::StrCat("a step took ", ShortSpanText(step), " before"));
  for (const ServerFacts& server : facts.servers) {
    if (!server.waiting_for.empty()) {
      finding.evidence.push_back(absl::StrCat(server.task, " waits for ", server.waiting_for));
    } else if (server.pulls_waiting > 0 || server.pushes_held > 0) {
      finding.evidence.push_back(absl::StrCat(server.task, " has ", WholeText(OrZero(server.pulls_waiting)),
                                              " pulls that wait and ", WholeText(OrZero(server.pushes_held)),
                                              " pushes that are held"));
    }
  }
  finding.figures = {{"seconds_a_step_before", step}, {"workers", static_cast<double>(still.size())}};
  finding.advice = "look at what the findings below say of workers and servers, and at their logs";
  found->push_back(std::move(finding));
}

void FindStragglers(const JobFacts& facts, Findings* found) {
  std::map<std::string, Peers> compute, rates;
  Peers all_rates, answers;
  const Peers waits = facts.ShareOf(&WorkerFacts::waiting);
  for (const WorkerFacts& worker : facts.workers) {
    if (!worker.live() || worker.draining || !worker.measured) continue;
    all_rates.Add(worker.rate());
    answers.Add(worker.answer_seconds);
    if (!(worker.steps > 0)) continue;
    compute[worker.device_kind].Add(worker.step_of(Phase::kCompute));
    rates[worker.device_kind].Add(worker.rate());
  }
  for (const WorkerFacts& worker : facts.workers) {
    if (!worker.live() || worker.draining || !worker.measured) continue;
    if (worker.steps == 0) {
      const double usual = all_rates.MedianWithout(0);
      if (!(usual * worker.seconds >= 5)) continue;
      Finding finding{.cause = "straggler", .subject = worker.name};
      finding.lost = 1 / static_cast<double>(all_rates.size());
      finding.summary = absl::StrCat(worker.name, " is live, but does not finish a step");
      finding.evidence = {
          absl::StrCat("the others finished ", WholeText(usual * worker.seconds), " steps in this time")};
      finding.figures = {{"steps", 0}, {"steps_of_others", usual * worker.seconds}};
      finding.advice = absl::StrCat("look at its log", worker.host.empty() ? "" : " on " + worker.host);
      found->push_back(std::move(finding));
      continue;
    }
    const Peers& peers = compute[worker.device_kind];
    const double own = worker.step_of(Phase::kCompute);
    const double others = peers.MedianWithout(own);
    double whole = 0;
    for (const double part : worker.per_step) whole += part;
    // A process that is held up is slow in all that it does, also in telling its status.
    const double other_answers = answers.MedianWithout(worker.answer_seconds);
    const bool held_up = worker.answer_seconds >= kRoundTripSeconds &&
                         worker.answer_seconds >= kRoundTripRatio * other_answers && own > kHeldUpRatio * others;
    const bool slow = own > kStragglerRatio * others && own - others > 0.1 * whole;
    if (!(others > 0) || (!slow && !held_up)) continue;

    Finding finding{.cause = "straggler", .subject = worker.name};
    const double others_rate = rates[worker.device_kind].MedianWithout(worker.rate());
    const double others_wait = OrZero(waits.MedianWithout(worker.waiting()));
    const bool waited_for = others_wait >= kImpactShare && others_rate < 1.3 * worker.rate();
    finding.lost = waited_for ? std::min(others_wait, 1 - others / own)
                              : std::max(0.0, 1 - worker.rate() / others_rate) / static_cast<double>(all_rates.size());
    finding.summary =
        absl::StrFormat("%s is a straggler: it computes %.1f times as long as the others", worker.name, own / others);
    finding.evidence.push_back(absl::StrCat("it computes ", ShortSpanText(own), " a step; the middle of the ",
                                            peers.size() - 1, peers.size() == 2 ? " other" : " others", " on ",
                                            worker.device_kind.empty() ? "such devices" : worker.device_kind, " is ",
                                            ShortSpanText(others)));
    if (waited_for) {
      finding.evidence.push_back(absl::StrCat("the others wait for it: ", ShareText(others_wait),
                                              " of their time goes to pushes, pulls and leases, of its own ",
                                              ShareText(OrZero(worker.waiting()))));
    } else {
      finding.evidence.push_back(absl::StrFormat("it finishes %.1f steps/s, the others %.1f; nobody waits for it",
                                                 worker.rate(), others_rate));
    }
    if (held_up) {
      finding.evidence.push_back(absl::StrCat("it took ", ShortSpanText(worker.answer_seconds),
                                              " to tell its status, the others ", ShortSpanText(other_answers)));
    }
    finding.figures = {{"compute_seconds_a_step", own},
                       {"compute_seconds_a_step_of_others", others},
                       {"others_waiting_share", others_wait},
                       {"steps_per_second", worker.rate()},
                       {"steps_per_second_of_others", others_rate}};
    const std::string processor = ProcessorEvidence(facts, worker, &finding);
    if (!processor.empty()) finding.evidence.push_back(processor);
    finding.advice = absl::StrCat("look at what else runs on ", worker.host.empty() ? "its machine" : worker.host,
                                  "; a policy that does not wait (async, or sync with backups) costs less",
                                  waited_for ? "" : " still");
    if (!waited_for)
      finding.advice = absl::StrCat("look at what else runs on ", worker.host.empty() ? "its machine" : worker.host);
    found->push_back(std::move(finding));
  }
}

void FindStarvingReaders(const JobFacts& facts, Findings* found) {
  Affected affected;
  Peers steps, shares;
  size_t measured = 0;
  std::vector<std::string> processes;
  for (const WorkerFacts& worker : facts.workers) {
    if (!worker.live() || !worker.measured || !(worker.steps > 0)) continue;
    ++measured;
    if (!(worker.of(Phase::kData) >= kStarvingShare)) continue;
    affected.Add(worker.name, worker.of(Phase::kData));
    steps.Add(worker.step_of(Phase::kData));
    const auto process = facts.by_task.find(worker.task);
    if (process == facts.by_task.end() || processes.size() >= kNamesMax) continue;
    const HostFacts& is = process->second;
    if (is.cores > 0) processes.push_back(absl::StrFormat("%s uses %.1f of %.0f cores", worker.task, is.got, is.cores));
  }
  if (affected.names.empty()) return;
  Finding finding{.cause = "starving_reader", .subject = affected.Subject(measured)};
  finding.lost = LostBy(facts, affected, measured);
  const bool one = affected.names.size() == 1;
  finding.summary =
      absl::StrCat(finding.subject, one ? " starves" : " starve", " for data: ", ShareText(affected.shares.Mean()),
                   " of ", one ? "its" : "their", " time goes to waiting for batches");
  finding.evidence.push_back(absl::StrCat("a step waits ", ShortSpanText(steps.Median()), " for its batch"));
  if (!one && affected.names.size() < measured) finding.evidence.push_back(Names(affected.names));
  if (!processes.empty()) finding.evidence.push_back(absl::StrJoin(processes, "; "));
  finding.figures = {{"data_share", affected.shares.Mean()},
                     {"data_seconds_a_step", steps.Median()},
                     {"workers", static_cast<double>(affected.names.size())}};
  finding.advice = "give the readers more cores, make the augmentation cheaper, or put the data on a faster disk";
  found->push_back(std::move(finding));
}

void FindWaitingForWork(const JobFacts& facts, Findings* found) {
  if (facts.finished) return;
  Affected affected;
  size_t measured = 0;
  for (const WorkerFacts& worker : facts.workers) {
    if (!worker.live() || worker.draining || !worker.measured) continue;
    ++measured;
    if (worker.of(Phase::kWait) >= kWaitingShare) affected.Add(worker.name, worker.of(Phase::kWait));
  }
  if (affected.names.empty()) return;
  Finding finding{.cause = "waiting_for_work", .subject = affected.Subject(measured)};
  finding.lost = affected.sum / static_cast<double>(measured);
  const bool one = affected.names.size() == 1;
  finding.summary =
      absl::StrCat(finding.subject, one ? " waits" : " wait", " for leases: ", ShareText(affected.shares.Mean()),
                   " of ", one ? "its" : "their", " time");
  if (!one && affected.names.size() < measured) finding.evidence.push_back(Names(affected.names));
  finding.evidence.push_back(
      "the server that coordinates hands out slices of the data; workers wait for it, or for slices that others hold");
  finding.figures = {{"wait_share", affected.shares.Mean()}, {"workers", static_cast<double>(affected.names.size())}};
  finding.advice = "look at the server that coordinates, and whether fewer workers would do";
  found->push_back(std::move(finding));
}

void FindEvaluation(const JobFacts& facts, Findings* found) {
  Affected affected;
  size_t measured = 0;
  for (const WorkerFacts& worker : facts.workers) {
    if (!worker.live() || !worker.measured) continue;
    ++measured;
    if (worker.of(Phase::kEvaluate) >= kEvaluationShare) affected.Add(worker.name, worker.of(Phase::kEvaluate));
  }
  if (affected.names.empty()) return;
  Finding finding{.cause = "evaluation", .subject = affected.Subject(measured)};
  finding.lost = LostBy(facts, affected, measured);
  const bool one = affected.names.size() == 1;
  finding.summary = absl::StrCat(finding.subject, one ? " spends " : " spend ", ShareText(affected.shares.Mean()),
                                 " of ", one ? "its" : "their", " time evaluating");
  if (!one && affected.names.size() < measured) finding.evidence.push_back(Names(affected.names));
  finding.figures = {{"evaluate_share", affected.shares.Mean()},
                     {"workers", static_cast<double>(affected.names.size())}};
  finding.advice = "evaluate less often, or on fewer examples";
  found->push_back(std::move(finding));
}

void FindOverloadedHosts(const JobFacts& facts, Findings* found) {
  for (const auto& [name, host] : facts.hosts) {
    if (!host.has_lanes || !(host.cores > 0)) continue;
    const bool too_many = host.wanted > kOverloadRatio * host.cores;
    // Where one task of several is denied its share, that one is a straggler, and told of as such.
    const bool denied = host.got < 0.7 * std::min(host.wanted, host.cores) && host.wanted >= 0.5 &&
                        std::none_of(host.tasks.begin(), host.tasks.end(), [&](const std::string& task) {
                          return std::any_of(found->begin(), found->end(), [&](const Finding& finding) {
                            return finding.cause == "straggler" && finding.subject.rfind(task, 0) == 0;
                          });
                        });
    if (!too_many && !denied) continue;
    Finding finding{.cause = "overloaded_host", .subject = name};
    // Of the job's workers only those on it are slowed down.
    double here = 0;
    for (const WorkerFacts& worker : facts.workers) here += worker.live() && worker.host == name ? 1 : 0;
    const double part = facts.live_count() > 0 ? here / static_cast<double>(facts.live_count()) : 0;
    const double gets = denied ? host.got : host.cores;
    finding.lost = std::clamp(part * (1 - gets / host.wanted), 0.0, 1.0);
    finding.summary = too_many
                          ? absl::StrFormat("%s is overloaded: the job's tasks on it want %.1f cores, and it has %.0f",
                                            name, host.wanted, host.cores)
                          : absl::StrFormat("%s is overloaded: the job's tasks on it want %.1f cores and get %.1f",
                                            name, host.wanted, host.got);
    finding.evidence.push_back(absl::StrCat("on it: ", Names(host.tasks)));
    finding.evidence.push_back(absl::StrFormat("they use %.1f of its %.0f cores%s", host.got, host.cores,
                                               denied ? "; other processes have the rest, or it is throttled" : ""));
    finding.figures = {{"cores_wanted", host.wanted}, {"cores_used", host.got}, {"cores", host.cores}};
    finding.advice = "run fewer replicas there (--devices), or move some to another machine";
    found->push_back(std::move(finding));
  }
}

}  // namespace downpour
