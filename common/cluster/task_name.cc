#include "common/cluster/task_name.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"

namespace downpour {

std::string TaskName::ToString() const {
  return absl::StrCat(role == TaskRole::kServer ? "server/" : "worker/", number);
}

absl::StatusOr<TaskName> TaskName::Parse(std::string_view text) {
  TaskName name;
  std::string_view digits;
  if (text.starts_with("server/")) {
    digits = text.substr(7);
  } else if (text.starts_with("worker/")) {
    name.role = TaskRole::kWorker;
    digits = text.substr(7);
  }
  // SimpleAtoi takes blanks and signs; a name is written in one way.
  const bool canonical = std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }) &&
                         (digits.size() == 1 || !digits.starts_with('0'));
  if (!canonical || !absl::SimpleAtoi(ToAbsl(digits), &name.number) || name.number >= kTasksMax) {
    return absl::InvalidArgumentError(absl::StrCat("\"", ToAbsl(text), "\" is no task: write server/0, worker/3, ..."));
  }
  return name;
}

std::string WorkerName(uint32_t worker) {
  std::string name = TaskName{TaskRole::kWorker, TaskOfWorker(worker)}.ToString();
  if (ReplicaOfWorker(worker) > 0) absl::StrAppend(&name, ":", ReplicaOfWorker(worker));
  return name;
}

}  // namespace downpour
