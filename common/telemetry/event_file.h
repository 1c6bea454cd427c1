// Event files: what TensorBoard shows of a run.
#ifndef DOWNPOUR_COMMON_TELEMETRY_EVENT_FILE_H_
#define DOWNPOUR_COMMON_TELEMETRY_EVENT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/tensorboard_event.pb.h"

namespace downpour {

// How values are distributed, in `bucket_count` buckets of equal width from the smallest to the largest. What is not
// finite is left out.
tensorboard::Histogram MakeHistogram(std::span<const float> values, int bucket_count = 64);

// Writes one event file. What was written before a crash can be read: each record is whole or is ignored. One thread at
// a time. The first error stays: everything after it is thrown away, and each call returns it.
class EventFile {
 public:
  // A new file in `folder`, which is made if it is missing. `wall_time` begins its name, so that the files of one
  // folder are read in the order of their making; `suffix` ends it, and tells apart processes that share a folder.
  static absl::StatusOr<std::unique_ptr<EventFile>> Create(const std::string& folder, absl::Time wall_time,
                                                           std::string_view suffix);

  absl::Status AddScalar(absl::Time wall_time, int64_t step, std::string_view tag, double value);
  absl::Status AddHistogram(absl::Time wall_time, int64_t step, std::string_view tag, tensorboard::Histogram histogram);

  // Gives what was added to the system: TensorBoard sees it from now on.
  absl::Status Flush();

  const std::string& name() const { return name_; }

 private:
  explicit EventFile(std::string name) : name_(std::move(name)) {}

  absl::Status Write(const tensorboard::Event& event);
  absl::Status Check(std::string_view what);

  const std::string name_;
  std::ofstream file_;
  absl::Status status_;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_TELEMETRY_EVENT_FILE_H_
