#include "cli/plot/run_log.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace downpour {
namespace {

using Json = nlohmann::json;

constexpr size_t kLineBytesMax = 1 << 20;  // an end event of a thousand replicas has a quarter of it
constexpr char kNameInFolder[] = "run.jsonl";

enum class LineEnd { kNewline, kEndOfFile, kTooLong };

LineEnd ReadLine(std::ifstream& file, std::string& line) {
  line.clear();
  for (;;) {
    const int byte = file.rdbuf()->sbumpc();
    if (byte == std::char_traits<char>::eof()) return LineEnd::kEndOfFile;
    if (byte == '\n') return LineEnd::kNewline;
    if (line.size() == kLineBytesMax) return LineEnd::kTooLong;
    line.push_back(static_cast<char>(byte));
  }
}

double NumberOrNan(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number()) return std::numeric_limits<double>::quiet_NaN();
  return found->get<double>();
}

// Takes an event into the log; returns what is wrong with it, or nothing.
std::string TakeEvent(const Json& json, RunLog& log) {
  if (!json.is_object()) return "not a JSON object";
  const auto event = json.find("event");
  if (event == json.end() || !event->is_string()) return "it has no \"event\", so it is not of a run's log";
  if (*event == "start") {
    log = {};
    if (const auto job = json.find("job"); job != json.end() && job->is_string()) log.job = job->get<std::string>();
    return "";
  }
  const bool is_evaluation = *event == "eval";
  if (!is_evaluation && *event != "step") return "";
  RunPoint point;
  for (const auto& [name, value] : {std::pair{"step", &point.step}, {"seconds", &point.seconds}}) {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_number()) return absl::StrCat("the event has no number \"", name, "\"");
    *value = found->get<double>();
  }
  point.loss = NumberOrNan(json, "loss");
  point.accuracy = NumberOrNan(json, "accuracy");
  if (!is_evaluation) {
    log.training.push_back(point);
    return "";
  }
  const auto split = json.find("split");
  if (split == json.end() || !split->is_string()) return "the event has no string \"split\"";
  log.evaluations[split->get<std::string>()].push_back(point);
  return "";
}

// The parts of a path, last first, by which a run may be called.
std::vector<std::string> NameParts(const std::string& path) {
  std::filesystem::path name = std::filesystem::path(path).lexically_normal();
  if (!name.has_filename()) name = name.parent_path();  // "runs/one/"
  if (name.filename() == kNameInFolder && name.has_parent_path()) name = name.parent_path();
  if (name.extension() == ".jsonl" || name.extension() == ".json") name.replace_extension();
  std::vector<std::string> parts;
  for (const auto& part : name) parts.insert(parts.begin(), part.string());
  return parts;
}

}  // namespace

absl::StatusOr<RunLog> ReadRunLog(const std::string& path) {
  std::string name = path;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    name = (std::filesystem::path(path) / kNameInFolder).string();
    if (!std::filesystem::exists(name, error)) {
      return absl::NotFoundError(absl::StrCat("the folder ", path, " has no ", kNameInFolder,
                                              ": name a file that `downpour train --json_log=FILE` wrote"));
    }
  }
  errno = 0;
  std::ifstream file(name, std::ios::binary);
  if (!file) return absl::ErrnoToStatus(errno != 0 ? errno : EIO, absl::StrCat("cannot read ", name));

  RunLog log;
  std::string line;
  LineEnd end = LineEnd::kNewline;
  for (size_t number = 1; end == LineEnd::kNewline; ++number) {
    end = ReadLine(file, line);
    const std::string where = absl::StrCat(name, ":", number, ": ");
    if (end == LineEnd::kTooLong) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, "a line of more than ", kLineBytesMax, " bytes: this is not a run's log"));
    }
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) {
      if (end == LineEnd::kEndOfFile) break;
      return absl::InvalidArgumentError(absl::StrCat(where, "not JSON: ", line.substr(0, 60)));
    }
    if (const std::string wrong = TakeEvent(json, log); !wrong.empty()) {
      return absl::InvalidArgumentError(where + wrong);
    }
  }
  if (log.training.empty() && log.evaluations.empty()) {
    return absl::NotFoundError(absl::StrCat(name, " has no step and no evaluation yet: there is nothing to draw"));
  }
  return log;
}

std::vector<std::string> RunNames(std::span<const std::string> paths) {
  std::vector<std::vector<std::string>> parts;
  size_t most = 1;
  for (const std::string& path : paths) {
    parts.push_back(NameParts(path));
    most = std::max(most, parts.back().size());
  }
  std::vector<std::string> names;
  for (size_t count = 1; count <= most; ++count) {
    names.clear();
    for (const auto& of_path : parts) {
      std::string name;
      for (size_t i = std::min(count, of_path.size()); i-- > 0;) {
        absl::StrAppend(&name, of_path[i], i > 0 && of_path[i] != "/" ? "/" : "");
      }
      names.push_back(name);
    }
    if (std::set(names.begin(), names.end()).size() == names.size()) break;
  }
  return names;
}

}  // namespace downpour
