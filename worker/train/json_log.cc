#include "worker/train/json_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "nlohmann/json.hpp"

namespace downpour {
namespace {

using Json = nlohmann::ordered_json;

absl::Status OpenError(const std::string& path, int error) {
  const std::string what = absl::StrCat("cannot write the JSON log ", path);
  if (error == EISDIR) return absl::FailedPreconditionError(absl::StrCat(what, ": it is a folder; name a file in it"));
  if (error == ENOENT) {
    const size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
    if (!folder.empty() && access(folder.c_str(), F_OK) != 0) {
      return absl::NotFoundError(absl::StrCat(what, ": there is no folder ", folder, "; make it first"));
    }
  }
  return absl::ErrnoToStatus(error, what);
}

Json EvaluationJson(const RunEvaluation& evaluation) {
  return {{"step", evaluation.step},       {"epoch", evaluation.epoch},
          {"seconds", evaluation.seconds}, {"took_seconds", evaluation.took_seconds},
          {"split", evaluation.split},     {"examples", evaluation.examples},
          {"loss", evaluation.loss},       {"accuracy", evaluation.accuracy},
          {"average", evaluation.average}, {"best", evaluation.best}};
}

Json ReplicaJson(const ReplicaShare& replica) {
  const PhaseTimes& phases = replica.phases;
  return {{"worker", replica.worker},
          {"device", replica.device},
          {"steps", replica.steps},
          {"examples", replica.examples},
          {"seconds",
           {{"data", phases.data},
            {"compute", phases.compute},
            {"push", phases.push},
            {"pull", phases.pull},
            {"wait", phases.wait},
            {"evaluate", phases.evaluate}}}};
}

// One line. NaN and infinities become null by themselves; names that are not UTF-8 get U+FFFD.
std::string LineOf(const char* event, const Json& fields) {
  Json json = {{"event", event}};
  json.update(fields);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

absl::StatusOr<std::unique_ptr<JsonLog>> JsonLog::Create(const std::string& path, std::function<absl::Time()> now) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return OpenError(path, errno);
  return std::unique_ptr<JsonLog>(new JsonLog(path, descriptor, std::move(now)));
}

JsonLog::~JsonLog() {
  if (descriptor_ >= 0) close(descriptor_);
}

void JsonLog::Started(const RunStart& start) {
  Json json = {{"time", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", now_(), absl::UTCTimeZone())},
               {"job", start.job},
               {"model", start.model},
               {"parameters", start.parameters},
               {"data", start.data},
               {"policy", start.policy},
               {"optimizer", start.optimizer},
               {"devices", start.devices},
               {"servers", start.servers},
               {"carrier", start.carrier},
               {"batch", start.batch},
               {"examples_per_epoch", start.examples},
               {"steps", nullptr},
               {"seconds_allowed", nullptr},
               {"seed", start.seed}};
  if (start.steps.has_value()) json["steps"] = *start.steps;
  if (start.seconds_allowed.has_value()) json["seconds_allowed"] = *start.seconds_allowed;
  WriteLine(LineOf("start", json));
}

void JsonLog::Progressed(const RunProgress& progress) {
  WriteLine(LineOf("step", {{"step", progress.step},
                            {"epoch", progress.epoch},
                            {"examples", progress.examples},
                            {"seconds", progress.seconds},
                            {"loss", progress.loss},
                            {"accuracy", progress.accuracy},
                            {"learning_rate", progress.learning_rate},
                            {"examples_per_second", progress.examples_per_second},
                            {"staleness", progress.staleness}}));
}

void JsonLog::Evaluated(const RunEvaluation& evaluation) {
  if (evaluation.split == "test") last_test_ = evaluation;
  WriteLine(LineOf("eval", EvaluationJson(evaluation)));
}

void JsonLog::Ended(const RunEnd& end) {
  const char* const outcome = !end.status.ok() ? "failed" : end.interrupted ? "interrupted" : "done";
  const std::optional<RunEvaluation>& test = end.last.has_value() && end.last->split == "test" ? end.last : last_test_;
  Json json = {{"outcome", outcome}, {"reason", end.reason}, {"error", nullptr}};
  if (!end.status.ok()) json["error"] = std::string(end.status.message());
  json["steps"] = end.steps;
  json["examples"] = end.examples;
  json["seconds"] = end.seconds;
  json["examples_per_second"] = end.examples_per_second;
  json["test_accuracy"] = test.has_value() ? Json(test->accuracy) : Json();
  json["test_loss"] = test.has_value() ? Json(test->loss) : Json();
  json["best"] = end.best.has_value() ? EvaluationJson(*end.best) : Json();
  json["staleness_mean"] = end.staleness_mean;
  json["staleness"] = Json::object();
  for (const auto& [value, count] : end.staleness) json["staleness"][absl::StrCat(value)] = count;
  json["dropped_pushes"] = end.dropped_pushes;
  json["replicas"] = Json::array();
  for (const ReplicaShare& replica : end.replicas) json["replicas"].push_back(ReplicaJson(replica));
  WriteLine(LineOf("end", json));
}

void JsonLog::WriteLine(std::string line) {
  std::string_view left = line;
  while (descriptor_ >= 0 && !left.empty()) {
    const ssize_t written = write(descriptor_, left.data(), left.size());
    if (written >= 0) {
      left.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      DP_LOG(ERROR) << "the JSON log ends here: "
                    << absl::ErrnoToStatus(errno, absl::StrCat("cannot write to ", path_));
      close(std::exchange(descriptor_, -1));
    }
  }
}

}  // namespace downpour
