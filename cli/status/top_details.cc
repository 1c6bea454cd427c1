#include "cli/status/top_details.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/status/figure_text.h"
#include "cli/status/safe_text.h"
#include "cli/status/sparkline.h"
#include "cli/status/text_table.h"

namespace downpour {
namespace {

constexpr size_t kGraphRows = 3;
constexpr size_t kBucketsMax = 12;
constexpr size_t kShardsMax = 12;

void Add(std::vector<TopLine>* lines, std::string text, TopStyle style = TopStyle::kPlain) {
  lines->push_back({std::move(text), style});
}

void AddGraph(std::vector<TopLine>* lines, const std::string& what, const std::vector<double>& values,
              const TopFrameOptions& options) {
  if (values.empty()) return;
  Add(lines, "");
  Add(lines, what, TopStyle::kHeader);
  for (std::string& line : Graph(values, std::min<size_t>(options.columns, 100), kGraphRows, options.unicode)) {
    Add(lines, std::move(line), TopStyle::kGraph);
  }
}

void AddTable(std::vector<TopLine>* lines, const TextTable& table) {
  bool header = true;
  for (std::string& line : table.Lines()) {
    Add(lines, std::move(line), header ? TopStyle::kHeader : TopStyle::kPlain);
    header = false;
  }
}

void AddRefusals(std::vector<TopLine>* lines, const std::vector<std::pair<std::string, double>>& refusals) {
  if (refusals.empty()) return;
  Add(lines, "");
  Add(lines, "REFUSALS", TopStyle::kHeader);
  for (const auto& [reason, count] : refusals) Add(lines, absl::StrCat(reason, ": ", WholeText(count)));
}

// Labels, bars and figures in three columns.
void AddBars(std::vector<TopLine>* lines, const std::vector<std::pair<std::string, double>>& shares,
             const TopFrameOptions& options) {
  size_t label = 0;
  for (const auto& [name, share] : shares) label = std::max(label, TextColumns(name));
  const size_t room = options.columns > label + 12 ? std::min<size_t>(options.columns - label - 12, 60) : 1;
  for (const auto& [name, share] : shares) {
    Add(lines, absl::StrCat(name, std::string(label - TextColumns(name), ' '),
                            absl::StrFormat(" %6s ", ShareText(share)), Bar(share, room, options.unicode)));
  }
}

}  // namespace

std::vector<TopLine> ServerDetails(const ServerView& server, const std::vector<double>& rates,
                                   const TopFrameOptions& options) {
  std::vector<TopLine> lines;
  Add(&lines,
      absl::StrCat(server.task, " at ", server.address, ", ", server.state,
                   server.host.empty() ? "" : " on " + server.host),
      TopStyle::kTitle);
  if (!server.problem.empty()) Add(&lines, server.problem, TopStyle::kBad);
  Add(&lines,
      absl::StrCat("up ", SpanText(server.uptime_seconds), ", process ", WholeText(server.pid), ", ",
                   NumberText(server.cores_used), " of ", WholeText(server.cores), " cores, ",
                   MebibyteText(server.resident_bytes), " MiB resident, ", WholeText(server.streams), " streams"));
  Add(&lines,
      absl::StrCat(WholeText(server.shards), " shards, ", MebibyteText(server.memory_used), " of ",
                   MebibyteText(server.memory_max), " MiB, ", MebibyteText(server.bytes_pending), " MiB pending"));
  Add(&lines,
      absl::StrCat(NumberText(server.pushes_per_second), " pushes/s of ", ShortSpanText(server.push_seconds), ", ",
                   NumberText(server.pulls_per_second), " pulls/s, in ", MegabyteText(server.in_per_second),
                   " MB/s, out ", MegabyteText(server.out_per_second), " MB/s"));
  Add(&lines, absl::StrCat(WholeText(server.pushes_applied), " applied, ", WholeText(server.pushes_dropped),
                           " dropped, ", WholeText(server.duplicates), " duplicates, ", WholeText(server.pushes_held),
                           " held, ", WholeText(server.pulls_waiting), " pulls waiting"));
  AddGraph(&lines, "UPDATES/S", rates, options);

  double pushes = 0;
  for (const auto& [from, count] : server.staleness) pushes += std::isnan(count) ? 0 : count;
  if (pushes > 0) {
    Add(&lines, "");
    Add(&lines, absl::StrCat("STALENESS (mean ", NumberText(server.staleness_mean), ")"), TopStyle::kHeader);
    std::vector<std::pair<std::string, double>> shares;
    for (const auto& [from, count] : server.staleness) {
      if (shares.size() < kBucketsMax) shares.emplace_back(WholeText(from), count / pushes);
    }
    AddBars(&lines, shares, options);
  }
  if (!server.shard_views.empty()) {
    std::vector<const ShardView*> shards;
    for (const ShardView& shard : server.shard_views) shards.push_back(&shard);
    const auto inside = [](const ShardView* shard) {
      return std::isnan(shard->pushes_inside) ? 0 : shard->pushes_inside;
    };
    std::stable_sort(shards.begin(), shards.end(),
                     [&](const ShardView* a, const ShardView* b) { return inside(a) > inside(b); });
    TextTable table({{"SHARD"}, {"TABLE", true}, {"ELEMENTS"}, {"UPD/S"}, {"PUSH"}, {"INSIDE"}, {"HELD"}, {"WAIT"}});
    for (size_t i = 0; i < std::min(shards.size(), kShardsMax); ++i) {
      const ShardView& shard = *shards[i];
      table.Add({absl::StrCat(shard.shard), SafeText(shard.table, 30), WholeText(shard.elements),
                 NumberText(shard.updates_per_second), ShortSpanText(shard.push_seconds),
                 absl::StrFormat("%.2f", inside(shards[i])), WholeText(shard.pushes_held),
                 WholeText(shard.pulls_waiting)});
    }
    Add(&lines, "");
    AddTable(&lines, table);
  }
  AddRefusals(&lines, server.refusals_by_reason);
  return lines;
}

std::vector<TopLine> WorkerDetails(const WorkerView& worker, const std::vector<double>& rates,
                                   const TopFrameOptions& options) {
  std::vector<TopLine> lines;
  Add(&lines,
      absl::StrCat(worker.name, ", ", worker.state, worker.host.empty() ? "" : " on " + worker.host,
                   worker.device.empty() ? "" : ", device " + worker.device),
      TopStyle::kTitle);
  if (!worker.problem.empty()) Add(&lines, worker.problem, TopStyle::kBad);
  Add(&lines, absl::StrCat("clock ", WholeText(worker.clock), ", ", NumberText(worker.steps_per_second), " steps/s, ",
                           NumberText(worker.examples_per_second), " examples/s, loss ", ScoreText(worker.loss)));
  Add(&lines, absl::StrCat("seen ", SpanText(worker.silent_seconds), " ago, joined ", SpanText(worker.joined_seconds),
                           " ago, given up ", WholeText(worker.deaths), worker.deaths == 1 ? " time" : " times"));
  Add(&lines,
      absl::StrCat(
          "device busy ", ShareText(worker.device_busy), ", memory ", MebibyteText(worker.device_memory_used),
          std::isnan(worker.device_memory_total) ? "" : absl::StrCat(" of ", MebibyteText(worker.device_memory_total)),
          " MiB"));
  AddGraph(&lines, "EXAMPLES/S", rates, options);
  Add(&lines, "");
  Add(&lines, "WHERE ITS TIME GOES", TopStyle::kHeader);
  std::vector<std::pair<std::string, double>> shares;
  for (size_t i = 0; i < kPhaseCount; ++i) shares.emplace_back(kPhaseNames[i], worker.shares[i]);
  AddBars(&lines, shares, options);
  if (!worker.links.empty()) {
    TextTable table({{"LINK TO", true},
                     {"CARRIER", true},
                     {"ROUND TRIP"},
                     {"PUSH"},
                     {"PULL"},
                     {"OUT MB/S"},
                     {"IN MB/S"},
                     {"ANEW"},
                     {"STATE", true}});
    for (const LinkView& link : worker.links) {
      table.Add({absl::StrCat("server/", link.server), link.carrier, ShortSpanText(link.round_trip_seconds),
                 ShortSpanText(link.push_seconds), ShortSpanText(link.pull_seconds), MegabyteText(link.out_per_second),
                 MegabyteText(link.in_per_second), WholeText(link.reconnects),
                 link.connected ? "connected" : "broken"});
    }
    Add(&lines, "");
    AddTable(&lines, table);
  }
  AddRefusals(&lines, worker.refusals_by_reason);
  return lines;
}

}  // namespace downpour
