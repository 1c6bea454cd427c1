#include "cli/status/status_json.h"

#include <cmath>

#include "nlohmann/json.hpp"

namespace downpour {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kExactMax = 9007199254740992.0;  // 2^53: whole numbers up to it are exact

Json Number(double value) {
  if (std::isnan(value)) return nullptr;
  if (std::abs(value) < kExactMax && value == std::floor(value)) return static_cast<int64_t>(value);
  return value;
}

Json TextOrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json Reasons(const std::vector<std::pair<std::string, double>>& reasons) {
  Json object = Json::object();
  for (const auto& [reason, count] : reasons) object[reason] = Number(count);
  return object;
}

Json RunObject(const RunView& run) {
  if (!run.known) return nullptr;
  const auto evaluation = [](double step, double score) -> Json {
    if (std::isnan(score)) return nullptr;
    return {{"step", Number(step)}, {"score", Number(score)}};
  };
  return {{"steps", Number(run.steps)},
          {"steps_planned", Number(run.steps_planned)},
          {"epoch", Number(run.epoch)},
          {"seconds", Number(run.seconds)},
          {"seconds_planned", Number(run.seconds_planned)},
          {"seconds_left", Number(run.seconds_left)},
          {"steps_per_second", Number(run.steps_per_second)},
          {"examples_per_second", Number(run.examples_per_second)},
          {"learning_rate", Number(run.learning_rate)},
          {"loss", Number(run.loss)},
          {"batch", Number(run.batch)},
          {"leases_open", Number(run.leases_open)},
          {"last_evaluation", evaluation(run.last_step, run.last_score)},
          {"best_evaluation", evaluation(run.best_step, run.best_score)},
          {"finished", run.finished},
          {"why_finished", TextOrNull(run.why_finished)}};
}

Json JobObject(const RunView& run) {
  if (std::isnan(run.parameters)) return nullptr;
  return {{"name", run.job},
          {"policy", run.policy},
          {"optimizer", run.optimizer},
          {"parameters", Number(run.parameters)},
          {"servers", Number(run.servers)}};
}

Json ShardObject(const ShardView& shard) {
  return {{"shard", shard.shard},
          {"table", shard.table},
          {"elements", Number(shard.elements)},
          {"bytes", Number(shard.bytes)},
          {"version", Number(shard.version)},
          {"updates_per_second", Number(shard.updates_per_second)},
          {"pushes_held", Number(shard.pushes_held)},
          {"pulls_waiting", Number(shard.pulls_waiting)},
          {"push_seconds", Number(shard.push_seconds)},
          {"pushes_inside", Number(shard.pushes_inside)}};
}

Json ServerObject(const ServerView& server) {
  Json staleness = Json::array();
  for (const auto& [from, pushes] : server.staleness) {
    staleness.push_back({{"staleness", Number(from)}, {"pushes", Number(pushes)}});
  }
  Json object = {{"task", server.task},
                 {"address", server.address},
                 {"answered", server.answered},
                 {"state", server.state},
                 {"problem", TextOrNull(server.problem)},
                 {"host", TextOrNull(server.host)},
                 {"pid", Number(server.pid)},
                 {"version", TextOrNull(server.version)},
                 {"uptime_seconds", Number(server.uptime_seconds)},
                 {"cores", Number(server.cores)},
                 {"cores_used", Number(server.cores_used)},
                 {"resident_bytes", Number(server.resident_bytes)},
                 {"shards", Number(server.shards)},
                 {"memory_used", Number(server.memory_used)},
                 {"memory_max", Number(server.memory_max)},
                 {"bytes_pending", Number(server.bytes_pending)},
                 {"updates_per_second", Number(server.updates_per_second)},
                 {"pushes_per_second", Number(server.pushes_per_second)},
                 {"pulls_per_second", Number(server.pulls_per_second)},
                 {"bytes_in_per_second", Number(server.in_per_second)},
                 {"bytes_out_per_second", Number(server.out_per_second)},
                 {"pushes_held", Number(server.pushes_held)},
                 {"pulls_waiting", Number(server.pulls_waiting)},
                 {"pushes_applied", Number(server.pushes_applied)},
                 {"pushes_dropped", Number(server.pushes_dropped)},
                 {"duplicates", Number(server.duplicates)},
                 {"push_seconds", Number(server.push_seconds)},
                 {"pushes_inside", Number(server.pushes_inside)},
                 {"staleness_mean", Number(server.staleness_mean)},
                 {"staleness", staleness},
                 {"streams", Number(server.streams)},
                 {"refusals", Reasons(server.refusals_by_reason)}};
  if (!server.shard_views.empty()) {
    Json shards = Json::array();
    for (const ShardView& shard : server.shard_views) shards.push_back(ShardObject(shard));
    object["shard_list"] = std::move(shards);
  }
  return object;
}

Json WorkerObject(const WorkerView& worker) {
  Json shares = Json::object();
  for (size_t i = 0; i < kPhaseCount; ++i) shares[kPhaseNames[i]] = Number(worker.shares[i]);
  Json links = Json::array();
  for (const LinkView& link : worker.links) {
    links.push_back({{"server", link.server},
                     {"carrier", link.carrier},
                     {"connected", link.connected},
                     {"reconnects", Number(link.reconnects)},
                     {"round_trip_seconds", Number(link.round_trip_seconds)},
                     {"push_seconds", Number(link.push_seconds)},
                     {"pull_seconds", Number(link.pull_seconds)},
                     {"bytes_out_per_second", Number(link.out_per_second)},
                     {"bytes_in_per_second", Number(link.in_per_second)},
                     {"bytes_in_flight", Number(link.bytes_in_flight)}});
  }
  return {{"name", worker.name},
          {"task", worker.task},
          {"state", worker.state},
          {"problem", TextOrNull(worker.problem)},
          {"host", TextOrNull(worker.host)},
          {"device", TextOrNull(worker.device)},
          {"device_busy", Number(worker.device_busy)},
          {"device_memory_used", Number(worker.device_memory_used)},
          {"device_memory_total", Number(worker.device_memory_total)},
          {"clock", Number(worker.clock)},
          {"steps_per_second", Number(worker.steps_per_second)},
          {"examples_per_second", Number(worker.examples_per_second)},
          {"loss", Number(worker.loss)},
          {"shares", shares},
          {"silent_seconds", Number(worker.silent_seconds)},
          {"joined_seconds", Number(worker.joined_seconds)},
          {"deaths", Number(worker.deaths)},
          {"refusals", Reasons(worker.refusals_by_reason)},
          {"links", links}};
}

}  // namespace

std::string StatusJson(const ClusterView& view) {
  Json servers = Json::array(), workers = Json::array();
  for (const ServerView& server : view.servers) servers.push_back(ServerObject(server));
  for (const WorkerView& worker : view.workers) workers.push_back(WorkerObject(worker));
  const Json object = {{"well", view.well},          {"interval_seconds", Number(view.interval_seconds)},
                       {"job", JobObject(view.run)}, {"run", RunObject(view.run)},
                       {"servers", servers},         {"workers", workers},
                       {"problems", view.problems}};
  // Strings are valid UTF-8 by then; were one not, it would be mended and not thrown about.
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace downpour
