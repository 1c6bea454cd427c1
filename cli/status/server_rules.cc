// Rules about servers, shards and links.

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/status/diagnosis_rules.h"
#include "cli/status/figure_text.h"

namespace downpour {
namespace {

double OrZero(double value) { return std::isnan(value) ? 0 : value; }

bool IsMeasured(const WorkerFacts& worker) { return worker.live() && worker.measured; }

// What the workers see of each server.
struct Seen {
  Peers round_trips = {};
  Peers pushes = {};
  Peers pulls = {};
};

std::map<uint32_t, Seen> SeenOf(const JobFacts& facts) {
  std::map<uint32_t, Seen> seen;
  for (const WorkerFacts& worker : facts.workers) {
    if (!IsMeasured(worker)) continue;
    for (const auto& [server, link] : worker.links) {
      seen[server].round_trips.Add(link.round_trip);
      seen[server].pushes.Add(link.push_seconds);
      seen[server].pulls.Add(link.pull_seconds);
    }
  }
  return seen;
}

// Of workers' time, where it passes kImpactShare; else 0: nobody is hurt by whatever is slow.
double Impact(const JobFacts& facts) {
  const double share = OrZero(facts.ShareOf(&WorkerFacts::waiting).Mean());
  return share >= kImpactShare ? share : 0;
}

}  // namespace

void FindSlowServers(const JobFacts& facts, Findings* found) {
  const double impact = Impact(facts);
  if (impact == 0) return;
  const std::map<uint32_t, Seen> seen = SeenOf(facts);
  Peers round_trips, pushes, per_push, bytes;
  for (const auto& [server, is] : seen) {
    round_trips.Add(is.round_trips.Median());
    pushes.Add(is.pushes.Median());
  }
  for (const ServerFacts& server : facts.servers) {
    per_push.Add(server.push_seconds);
    bytes.Add(server.bytes_in);
  }
  for (const ServerFacts& server : facts.servers) {
    const auto found_seen = seen.find(server.number);
    if (!server.why_not.empty() || found_seen == seen.end()) continue;
    const double trip = found_seen->second.round_trips.Median();
    const double other_trips = round_trips.MedianWithout(trip);
    const double push = found_seen->second.pushes.Median();
    const double other_pushes = pushes.MedianWithout(push);
    const double other_per_push = per_push.MedianWithout(server.push_seconds);
    const bool alone = std::isnan(other_trips);
    const double share_of_cores = server.cores_used / server.cores;
    const bool busy = share_of_cores >= 0.8 || server.inside >= 1;

    const bool slow_trips = alone ? trip >= kLoneRoundTripSeconds && (busy || impact >= kCommunicationShare)
                                  : trip >= kRoundTripSeconds && trip >= kRoundTripRatio * other_trips;
    const bool slow_pushes = push >= kPushRatio * other_pushes && push - other_pushes >= kPushSeconds;
    const bool slow_inside =
        server.push_seconds >= kPushRatio * other_per_push && server.push_seconds >= 0.001 && server.inside >= 0.5;
    // A shard that pushes queue up for makes its server's pushes long.
    const bool has_hot_shard = std::any_of(found->begin(), found->end(), [&](const Finding& finding) {
      return finding.cause == "hot_shard" && finding.subject.ends_with(" of " + server.task);
    });
    if (!slow_trips && !slow_pushes && (!slow_inside || has_hot_shard)) continue;

    const double mean_bytes = bytes.Mean();
    const bool much = bytes.size() > 1 && server.bytes_in >= 1.7 * bytes.MedianWithout(server.bytes_in) &&
                      server.bytes_in >= 1.3 * mean_bytes;
    Finding finding{.cause = much ? "hot_server" : "slow_server", .subject = server.task, .lost = impact};
    finding.summary = much ? absl::StrCat(server.task, " is hot: more goes through it than through the others")
                           : absl::StrCat(server.task, " is slow to answer, whoever asks");
    const size_t workers = found_seen->second.round_trips.size();
    if (slow_trips) {
      finding.evidence.push_back(
          absl::StrCat("a round trip to it takes ", ShortSpanText(trip),
                       workers > 1 ? absl::StrCat(" (the middle of ", workers, " workers)") : "",
                       alone ? "" : absl::StrCat(", to the others ", ShortSpanText(other_trips))));
    }
    if (slow_pushes) {
      finding.evidence.push_back(
          absl::StrCat("a push to it takes ", ShortSpanText(push), ", to the others ", ShortSpanText(other_pushes)));
    }
    if (slow_inside) {
      finding.evidence.push_back(absl::StrCat("within it a push takes ", ShortSpanText(server.push_seconds),
                                              ", within the others ", ShortSpanText(other_per_push)));
    }
    if (much) {
      double all = 0;
      for (const ServerFacts& each : facts.servers) all += OrZero(each.bytes_in);
      finding.evidence.push_back(absl::StrCat("it receives ", ShareText(server.bytes_in / all),
                                              " of all bytes; even would be ",
                                              ShareText(1.0 / static_cast<double>(bytes.size()))));
      finding.figures.emplace_back("bytes_share", server.bytes_in / all);
    }
    finding.evidence.push_back(
        absl::StrCat("workers spend ", ShareText(impact), " of their time pushing, pulling and waiting"));
    if (busy) {
      finding.evidence.push_back(absl::StrFormat("it keeps %.1f of %.0f cores busy; on average %.1f pushes are in it",
                                                 OrZero(server.cores_used), OrZero(server.cores),
                                                 OrZero(server.inside)));
    } else {
      finding.evidence.push_back(
          absl::StrFormat("it uses only %.2f of %.0f cores: its machine is busy with something else, or it is stopped, "
                          "throttled, or far away",
                          OrZero(server.cores_used), OrZero(server.cores)));
    }
    finding.figures.insert(finding.figures.end(), {{"round_trip_seconds", trip},
                                                   {"round_trip_seconds_of_others", other_trips},
                                                   {"push_seconds", push},
                                                   {"push_seconds_of_others", other_pushes},
                                                   {"push_seconds_inside", server.push_seconds},
                                                   {"push_seconds_inside_others", other_per_push},
                                                   {"cores_used", server.cores_used},
                                                   {"waiting_share", impact}});
    finding.advice = much || busy
                         ? "use more servers, or push less often"
                         : absl::StrCat("look at what else runs on ", server.host.empty() ? "its machine" : server.host,
                                        ", and at the network there");
    found->push_back(std::move(finding));
  }
}

void FindHotShards(const JobFacts& facts, Findings* found) {
  const double impact = Impact(facts);
  if (impact == 0) return;
  for (const ServerFacts& server : facts.servers) {
    double inside = 0;
    const ShardFacts* hottest = nullptr;
    for (const ShardFacts& shard : server.shards) {
      inside += OrZero(shard.inside);
      if (hottest == nullptr || OrZero(shard.inside) > OrZero(hottest->inside)) hottest = &shard;
    }
    if (hottest == nullptr || !(hottest->inside >= 0.8) || !(hottest->pushes >= 5)) continue;
    // Others that have as much to do for a push.
    Peers others;
    for (const ServerFacts& any : facts.servers) {
      for (const ShardFacts& shard : any.shards) {
        if (&shard != hottest && shard.elements >= hottest->elements / 4) others.Add(shard.push_seconds);
      }
    }
    const bool stands_out = others.size() > 0 ? hottest->push_seconds >= 4 * others.Median() : hottest->inside >= 2;
    if (!stands_out || hottest->inside < 0.3 * inside) continue;
    const std::string subject = absl::StrCat("shard ", hottest->shard, " of ", server.task);
    Finding finding{.cause = "hot_shard", .subject = subject, .lost = impact * std::min(1.0, hottest->inside / inside)};
    finding.summary = absl::StrCat(subject, " (", hottest->table, ") is hot: pushes queue up for it");
    finding.evidence.push_back(
        absl::StrFormat("on average %.1f pushes are in it or wait for its lock", hottest->inside));
    finding.evidence.push_back(absl::StrCat(
        "a push takes ", ShortSpanText(hottest->push_seconds), " there",
        others.size() > 0 ? absl::StrCat(", in other shards of its size ", ShortSpanText(others.Median())) : ""));
    finding.evidence.push_back(
        absl::StrCat("workers spend ", ShareText(impact), " of their time pushing, pulling and waiting"));
    finding.figures = {{"pushes_inside", hottest->inside},
                       {"push_seconds", hottest->push_seconds},
                       {"push_seconds_of_others", others.Median()},
                       {"waiting_share", impact}};
    finding.advice = "push less often, or cut the table into more shards over more servers";
    found->push_back(std::move(finding));
  }
}

void FindSlowLinks(const JobFacts& facts, Findings* found) {
  const std::map<uint32_t, Seen> seen = SeenOf(facts);
  const Peers communication = facts.ShareOf(&WorkerFacts::waiting);
  for (const WorkerFacts& worker : facts.workers) {
    if (!IsMeasured(worker) || !(worker.waiting() >= kImpactShare)) continue;
    // Who is stopped half of the time is slow in whatever is measured of it.
    const bool is_straggler = HasFinding(*found, "straggler", worker.name);
    Peers own_trips, own_pushes;
    for (const auto& [server, link] : worker.links) {
      own_trips.Add(link.round_trip);
      own_pushes.Add(link.push_seconds);
    }
    std::vector<std::string> evidence;
    std::vector<std::pair<std::string, double>> figures;
    std::vector<uint32_t> slow;
    for (const auto& [server, link] : worker.links) {
      const Seen& others = seen.at(server);
      const double other_trips = others.round_trips.MedianWithout(link.round_trip);
      const double other_pushes = others.pushes.MedianWithout(link.push_seconds);
      const double other_pulls = others.pulls.MedianWithout(link.pull_seconds);
      const bool slow_trips = link.round_trip >= kRoundTripSeconds && link.round_trip >= kRoundTripRatio * other_trips;
      const bool slow_pushes =
          link.push_seconds >= kPushRatio * other_pushes && link.push_seconds - other_pushes >= kPushSeconds;
      const bool slow_pulls =
          link.pull_seconds >= kPushRatio * other_pulls && link.pull_seconds - other_pulls >= kPushSeconds;
      if (!slow_trips && !slow_pushes && !(slow_pulls && facts.policy == "async")) continue;
      const bool stands_out = link.round_trip >= kRoundTripRatio * own_trips.MedianWithout(link.round_trip) ||
                              link.push_seconds >= kPushRatio * own_pushes.MedianWithout(link.push_seconds);
      if (is_straggler && !stands_out) continue;
      slow.push_back(server);
      const auto compare = [&, server = server](const char* what, bool is_slow, double own, double other) {
        if (!is_slow) return;
        evidence.push_back(absl::StrCat(what, " server/", server, " takes ", ShortSpanText(own),
                                        "; of the other workers ", ShortSpanText(other)));
      };
      compare("a round trip to", slow_trips, link.round_trip, other_trips);
      compare("a push to", slow_pushes, link.push_seconds, other_pushes);
      compare("a pull from", slow_pulls, link.pull_seconds, other_pulls);
      if (slow.size() == 1) {
        figures = {{"round_trip_seconds", link.round_trip}, {"round_trip_seconds_of_others", other_trips},
                   {"push_seconds", link.push_seconds},     {"push_seconds_of_others", other_pushes},
                   {"pull_seconds", link.pull_seconds},     {"pull_seconds_of_others", other_pulls}};
      }
    }
    if (slow.empty()) continue;
    const bool all = slow.size() == worker.links.size() && slow.size() > 1;
    Finding finding{.cause = "slow_link"};
    finding.subject =
        all ? absl::StrCat(worker.name, " - all servers") : absl::StrCat(worker.name, " - server/", slow[0]);
    const double others_wait = OrZero(communication.MedianWithout(worker.waiting()));
    const bool waited_for = facts.policy != "async" && others_wait >= kImpactShare;
    const double alone = std::max(0.0, worker.waiting() - others_wait) / static_cast<double>(communication.size());
    finding.lost = waited_for ? std::max(alone, std::min(others_wait, worker.waiting())) : alone;
    finding.summary =
        all ? absl::StrCat("the network of ", worker.name, " is slow: to all servers, and only from there")
            : absl::StrCat("the link from ", worker.name, " to server/", slow[0],
                           " is slow: the server answers others quickly");
    constexpr size_t kEvidenceMax = 6;
    if (evidence.size() > kEvidenceMax) evidence.resize(kEvidenceMax);
    finding.evidence = std::move(evidence);
    finding.evidence.push_back(absl::StrCat(worker.name, " spends ", ShareText(worker.waiting()),
                                            " of its time pushing, pulling and waiting, the others ",
                                            ShareText(others_wait)));
    finding.figures = std::move(figures);
    finding.figures.emplace_back("waiting_share", worker.waiting());
    finding.figures.emplace_back("others_waiting_share", others_wait);
    finding.advice = absl::StrCat("look at the network between ", worker.host.empty() ? "its machine" : worker.host,
                                  " and the server: its rate, losses, and what else uses it");
    found->push_back(std::move(finding));
  }
}

void FindBrokenLinks(const JobFacts& facts, Findings* found) {
  for (const WorkerFacts& worker : facts.workers) {
    if (!IsMeasured(worker)) continue;
    for (const auto& [server, link] : worker.links) {
      if (!(link.reconnects >= 2)) continue;
      Finding finding{.cause = "broken_link", .subject = absl::StrCat(worker.name, " - server/", server)};
      finding.lost = OrZero(worker.waiting()) / static_cast<double>(std::max<size_t>(facts.live_count(), 1));
      finding.summary = absl::StrCat("the link from ", worker.name, " to server/", server, " breaks again and again");
      finding.evidence.push_back(
          absl::StrCat("it was made anew ", WholeText(link.reconnects), " times in ", SpanText(worker.seconds)));
      finding.figures = {{"reconnects", link.reconnects}};
      finding.advice = "look at the logs of both for why, and at what is between them";
      found->push_back(std::move(finding));
    }
  }
}

void FindCommunication(const JobFacts& facts, Findings* found) {
  const bool explained = std::any_of(found->begin(), found->end(), [](const Finding& finding) {
    static const std::set<std::string> kReasons = {"no_answer",   "lost_worker",     "standstill",     "straggler",
                                                   "slow_server", "hot_server",      "hot_shard",      "slow_link",
                                                   "evaluation",  "starving_reader", "overloaded_host"};
    return kReasons.count(finding.cause) > 0;
  });
  const double share = OrZero(facts.ShareOf(&WorkerFacts::communication).Mean());
  if (explained || share < kCommunicationShare) return;
  Finding finding{.cause = "communication", .subject = "the job", .lost = share - kImpactShare};
  finding.summary = absl::StrCat("workers spend ", ShareText(share),
                                 " of their time between themselves and the servers, and nobody stands out");
  Peers inside, used;
  for (const ServerFacts& server : facts.servers) {
    inside.Add(server.inside);
    used.Add(server.cores_used);
  }
  if (inside.size() > 0) {
    finding.evidence.push_back(absl::StrFormat("on average %.1f pushes are in a server, and it keeps %.1f cores busy",
                                               inside.Mean(), OrZero(used.Mean())));
  }
  finding.figures = {{"communication_share", share}};
  finding.advice = "larger batches, fewer pushes and pulls (push_every, fetch_every, averaging), or more servers";
  found->push_back(std::move(finding));
}

void FindRefusals(const JobFacts& facts, Findings* found) {
  for (const ServerFacts& server : facts.servers) {
    double refused = 0;
    std::string most;
    double most_count = 0;
    for (const auto& [reason, count] : server.refusals) {
      refused += count;
      if (count > most_count) most = reason, most_count = count;
    }
    const double share = refused / (refused + OrZero(server.pushes));
    if (!(refused >= 5) || !(share >= 0.02)) continue;
    const WorkerFacts* who = nullptr;
    double who_count = 0;
    for (const WorkerFacts& worker : facts.workers) {
      double count = 0;
      for (const auto& [reason, each] : worker.refusals) count += each;
      if (count > who_count) who = &worker, who_count = count;
    }
    Finding finding{.cause = "refusals", .subject = server.task, .lost = std::min(share, 1.0)};
    finding.summary = absl::StrCat(server.task, " refuses ", ShareText(share), " of what it is asked for");
    finding.evidence.push_back(absl::StrCat(WholeText(refused), " refusals in ", SpanText(server.seconds),
                                            ", most of them ", most, " (", WholeText(most_count), ")"));
    if (who != nullptr) finding.evidence.push_back(absl::StrCat("most of them go to ", who->name));
    finding.figures = {{"refusals", refused}, {"refused_share", share}};
    finding.advice = "docs/server.md and docs/exactly-once.md say what each reason means";
    found->push_back(std::move(finding));
  }
}

void FindLateGradients(const JobFacts& facts, Findings* found) {
  double dropped = 0, applied = 0;
  for (const ServerFacts& server : facts.servers) {
    dropped += OrZero(server.dropped);
    applied += OrZero(server.pushes);
  }
  const double share = dropped / (dropped + applied);
  if (!(dropped >= 5) || !(share >= 0.35)) return;
  Finding finding{.cause = "late_gradients", .subject = "the job", .lost = share / 2};
  finding.summary = absl::StrCat(ShareText(share), " of all gradients come too late and are dropped");
  finding.evidence.push_back(absl::StrCat(WholeText(dropped), " dropped, ", WholeText(applied), " applied"));
  finding.figures = {{"dropped_share", share}};
  finding.advice = "raise policy.sync.required, or mend what makes workers unequal";
  found->push_back(std::move(finding));
}

void FindStaleness(const JobFacts& facts, Findings* found) {
  const double workers = static_cast<double>(std::max<size_t>(facts.live_count(), 1));
  const double usual = 4 * workers + 4;
  for (const ServerFacts& server : facts.servers) {
    if (!(server.staleness > usual) || !(server.pushes > 0)) continue;
    Finding finding{.cause = "staleness", .subject = server.task};
    finding.summary = absl::StrCat("gradients are unusually stale at ", server.task, ": by ",
                                   NumberText(server.staleness), " updates on average");
    finding.evidence.push_back(
        absl::StrFormat("with %.0f workers that push and pull at each step it would be about %.0f", workers,
                        std::max(workers - 1, 0.0)));
    finding.figures = {{"staleness_mean", server.staleness}};
    finding.advice = "this does not slow the job down, but it may learn worse: pull more often, or bound the staleness";
    found->push_back(std::move(finding));
  }
}

}  // namespace downpour
