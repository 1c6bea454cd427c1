#include "common/telemetry/event_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/crc32c.h"
#include "common/base/status.h"
#include "common/base/string_view.h"

namespace downpour {
namespace {

static_assert(std::endian::native == std::endian::little, "records are little-endian");

// A checksum of data that has checksums in it is a bad one, so the format turns them: see TensorFlow's crc32c.h.
uint32_t MaskedCrc(std::span<const std::byte> data) {
  const uint32_t crc = Crc32c(data);
  return std::rotr(crc, 15) + 0xa282ead8u;
}

absl::Status IoError(std::string_view what, const std::string& name, int error) {
  return absl::ErrnoToStatus(error != 0 ? error : EIO, absl::StrCat("cannot ", ToAbsl(what), " ", name));
}

tensorboard::Event MakeEvent(absl::Time wall_time, int64_t step) {
  tensorboard::Event event;
  event.set_wall_time(absl::ToDoubleSeconds(wall_time - absl::UnixEpoch()));
  event.set_step(step);
  return event;
}

}  // namespace

tensorboard::Histogram MakeHistogram(std::span<const float> values, int bucket_count) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  double count = 0;
  tensorboard::Histogram histogram;
  double sum = 0;
  double sum_squares = 0;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min<double>(low, value);
    high = std::max<double>(high, value);
    sum += value;
    sum_squares += double{value} * value;
    ++count;
  }
  if (count == 0) return histogram;
  histogram.set_min(low);
  histogram.set_max(high);
  histogram.set_num(count);
  histogram.set_sum(sum);
  histogram.set_sum_squares(sum_squares);

  std::vector<double> buckets(low == high ? 1 : std::max(bucket_count, 1), 0);
  const double width = (high - low) / static_cast<double>(buckets.size());
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    const double position = width > 0 ? (value - low) / width : 0;
    ++buckets[std::min(static_cast<size_t>(position), buckets.size() - 1)];
  }
  for (size_t i = 0; i < buckets.size(); ++i) {
    histogram.add_bucket_limit(i + 1 == buckets.size() ? high : low + width * static_cast<double>(i + 1));
    histogram.add_bucket(buckets[i]);
  }
  return histogram;
}

absl::StatusOr<std::unique_ptr<EventFile>> EventFile::Create(const std::string& folder, absl::Time wall_time,
                                                             std::string_view suffix) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return IoError("make the folder", folder, error.value());
  const std::string name =
      absl::StrFormat("%s/events.out.tfevents.%010d.%s", folder, absl::ToUnixSeconds(wall_time), ToAbsl(suffix));
  std::unique_ptr<EventFile> file(new EventFile(name));
  errno = 0;
  // To the end of one that is there, as of a run that began in the same second.
  file->file_.open(name, std::ios::binary | std::ios::app);
  DP_RETURN_IF_ERROR(file->Check("open"));
  tensorboard::Event first = MakeEvent(wall_time, 0);
  first.set_file_version("brain.Event:2");
  DP_RETURN_IF_ERROR(file->Write(first));
  DP_RETURN_IF_ERROR(file->Flush());
  return file;
}

absl::Status EventFile::AddScalar(absl::Time wall_time, int64_t step, std::string_view tag, double value) {
  tensorboard::Event event = MakeEvent(wall_time, step);
  tensorboard::Summary::Value& entry = *event.mutable_summary()->add_value();
  entry.set_tag(std::string(tag));
  entry.set_simple_value(static_cast<float>(value));
  return Write(event);
}

absl::Status EventFile::AddHistogram(absl::Time wall_time, int64_t step, std::string_view tag,
                                     tensorboard::Histogram histogram) {
  tensorboard::Event event = MakeEvent(wall_time, step);
  tensorboard::Summary::Value& entry = *event.mutable_summary()->add_value();
  entry.set_tag(std::string(tag));
  *entry.mutable_histo() = std::move(histogram);
  return Write(event);
}

// A record: its length, a checksum of that, the event, a checksum of it.
absl::Status EventFile::Write(const tensorboard::Event& event) {
  DP_RETURN_IF_ERROR(status_);
  const std::string data = event.SerializeAsString();
  std::array<std::byte, 12> head;
  const uint64_t length = data.size();
  std::memcpy(head.data(), &length, sizeof(length));
  const uint32_t length_crc = MaskedCrc(std::span(head).first(sizeof(length)));
  std::memcpy(head.data() + sizeof(length), &length_crc, sizeof(length_crc));
  const uint32_t data_crc = MaskedCrc(std::as_bytes(std::span(data)));
  errno = 0;
  file_.write(reinterpret_cast<const char*>(head.data()), head.size());
  file_.write(data.data(), static_cast<std::streamsize>(data.size()));
  file_.write(reinterpret_cast<const char*>(&data_crc), sizeof(data_crc));
  return Check("write to");
}

absl::Status EventFile::Flush() {
  DP_RETURN_IF_ERROR(status_);
  errno = 0;
  file_.flush();
  return Check("write to");
}

absl::Status EventFile::Check(std::string_view what) {
  if (file_.fail()) status_ = IoError(what, name_, errno);
  return status_;
}

}  // namespace downpour
