// Files that people write: protobuf text, with errors that name file, line and field, and overrides from a command
// line.
#ifndef DOWNPOUR_COMMON_CONFIG_TEXT_CONFIG_H_
#define DOWNPOUR_COMMON_CONFIG_TEXT_CONFIG_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace downpour {

// Beyond this a file is not what it is taken for.
inline constexpr size_t kConfigBytesMax = size_t{16} << 20;

// Where the fields of a message came from. A path names a field as overrides do: "optimizer.adagrad.learning_rate",
// "model.layer[2].name".
class ConfigOrigins {
 public:
  // "job.textproto:12:3", or "--set". A field that is nowhere has the place of the innermost message around it that is
  // somewhere; the file alone if there is none.
  std::string Place(std::string_view path) const;

  // "job.textproto:12:3: optimizer.adagrad.learning_rate".
  std::string Describe(std::string_view path) const;

  // `status` with Describe(path) in front; OK stays OK.
  absl::Status Annotate(const absl::Status& status, std::string_view path) const;

  // The message at `path` came from a file of its own.
  void Graft(std::string_view path, const ConfigOrigins& part);

 private:
  friend absl::Status ParseConfig(std::string_view, std::string_view, google::protobuf::Message*, ConfigOrigins*);
  friend absl::Status OverrideConfig(std::string_view, google::protobuf::Message*, ConfigOrigins*);

  std::string file_;
  std::map<std::string, std::string, std::less<>> places_;  // path to "FILE:LINE:COLUMN" or "--set"
};

// Reads `text` into `message`, which is cleared first. INVALID_ARGUMENT: "FILE:LINE:COLUMN: what is wrong", up to ten
// errors, one a line; then the message holds whatever was read. `origins` may be null.
absl::Status ParseConfig(std::string_view text, std::string_view file_name, google::protobuf::Message* message,
                         ConfigOrigins* origins = nullptr);

// The contents of a file to be parsed. NOT_FOUND, PERMISSION_DENIED, ... with the name; INVALID_ARGUMENT for what is
// not a file of text (a folder, zeros within it, more than kConfigBytesMax).
absl::StatusOr<std::string> ReadConfigFile(const std::string& file_name);

// Does what `--set PATH=VALUE` asks for. A value is written as in the file, but strings need no quotes; a field of a
// repeated one is named by its index, and the index after the last adds one. Naming a field of another alternative of a
// oneof switches to it. INVALID_ARGUMENT says what there is instead; then nothing has changed.
absl::Status OverrideConfig(std::string_view assignment, google::protobuf::Message* message, ConfigOrigins* origins);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_CONFIG_TEXT_CONFIG_H_
