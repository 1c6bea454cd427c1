#include "common/config/text_config.h"

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"

namespace downpour {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;
using ::google::protobuf::TextFormat;

constexpr size_t kErrorsMax = 10;
// Messages within messages: far beyond what a person writes, and far from the end of the stack.
constexpr int kDepthMax = 100;

// Errors of the parser, with places that count from 1.
class ErrorList : public google::protobuf::io::ErrorCollector {
 public:
  explicit ErrorList(std::string_view file) : file_(file) {}

  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    if (errors_.size() < kErrorsMax) {
      errors_.push_back(line < 0 ? absl::StrCat(file_, ": ", message)
                                 : absl::StrCat(file_, ":", line + 1, ":", column + 1, ": ", message));
    }
  }
  void AddWarning(int, google::protobuf::io::ColumnNumber, const std::string&) override {}

  std::string text() const { return absl::StrJoin(errors_, "\n"); }

 private:
  const std::string file_;
  std::vector<std::string> errors_;
};

void CollectPlaces(const std::string& file, const Message& message, const TextFormat::ParseInfoTree& tree,
                   const std::string& prefix, std::map<std::string, std::string, std::less<>>* places) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    TextFormat::ParseLocation location;
    for (int i = 0; i < count; ++i) {
      const int index = field->is_repeated() ? i : -1;
      // A list in brackets has one place.
      const TextFormat::ParseLocation own = tree.GetLocation(field, index);
      if (own.line >= 0) location = own;
      if (location.line < 0) continue;
      const std::string path =
          field->is_repeated() ? absl::StrCat(prefix, field->name(), "[", i, "]") : prefix + field->name();
      (*places)[path] = absl::StrCat(file, ":", location.line + 1, ":", location.column + 1);
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_map()) continue;
      const TextFormat::ParseInfoTree* nested = tree.GetTreeForNested(field, index);
      if (nested == nullptr) continue;
      const Message& child = field->is_repeated() ? reflection.GetRepeatedMessage(message, field, i)
                                                  : reflection.GetMessage(message, field);
      CollectPlaces(file, child, *nested, path + ".", places);
    }
  }
}

std::string FieldNames(const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return absl::StrJoin(names, ", ");
}

// One name of a path: "layer[2]" or "lr".
struct PathStep {
  std::string name;
  std::optional<int> index;
};

std::optional<PathStep> ParseStep(std::string_view text) {
  PathStep step;
  const size_t bracket = text.find('[');
  step.name = std::string(text.substr(0, bracket));
  if (step.name.empty()) return std::nullopt;
  if (bracket == std::string_view::npos) return step;
  if (text.back() != ']') return std::nullopt;
  const std::string_view digits = text.substr(bracket + 1, text.size() - bracket - 2);
  int index = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (error != std::errc() || end != digits.data() + digits.size() || index < 0) return std::nullopt;
  step.index = index;
  return step;
}

// The field that a step names, with an index that can be written to; an error says what there is instead.
absl::StatusOr<const FieldDescriptor*> FindField(const Message& message, const PathStep& step,
                                                 std::string_view parent) {
  const Descriptor& type = *message.GetDescriptor();
  const FieldDescriptor* field = type.FindFieldByName(step.name);
  if (field == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("there is no field '", step.name, "' in ",
                                                   parent.empty() ? "the file" : ToAbsl(parent), "; it has ",
                                                   FieldNames(type)));
  }
  if (!field->is_repeated()) {
    if (step.index) return absl::InvalidArgumentError(absl::StrCat("'", step.name, "' is one field and has no index"));
    return field;
  }
  const int count = message.GetReflection()->FieldSize(message, field);
  if (!step.index || *step.index > count) {
    return absl::InvalidArgumentError(absl::StrCat("'", step.name, "' is a list of ", count, ": name one as ",
                                                   step.name, "[0] to ", step.name, "[", count,
                                                   "], the last to add one"));
  }
  return field;
}

// Sets the field to what `value` says; `index` is that of a list, its size included.
absl::Status SetValue(const FieldDescriptor* field, std::optional<int> index, std::string_view value,
                      Message* message) {
  std::string text(value);
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING && !quoted) {
    text = absl::StrCat("\"", absl::Utf8SafeCEscape(text), "\"");
  }
  const Reflection& reflection = *message->GetReflection();
  if (!field->is_repeated()) reflection.ClearField(message, field);
  ErrorList errors("value");
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.SetRecursionLimit(kDepthMax);
  if (!parser.ParseFieldValueFromString(text, field, message)) {
    std::string wanted = field->cpp_type_name();
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      std::vector<std::string> names;
      for (int i = 0; i < field->enum_type()->value_count(); ++i) names.push_back(field->enum_type()->value(i)->name());
      wanted = absl::StrCat("one of ", absl::StrJoin(names, ", "));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      wanted = absl::StrCat("a message in braces, or a field of it: ", FieldNames(*field->message_type()));
    }
    return absl::InvalidArgumentError(
        absl::StrCat("'", ToAbsl(value), "' is no value for '", field->name(), "', which takes ", wanted));
  }
  // A value of a list was added at its end.
  if (field->is_repeated() && *index + 1 < reflection.FieldSize(*message, field)) {
    reflection.SwapElements(message, field, *index, reflection.FieldSize(*message, field) - 1);
    reflection.RemoveLast(message, field);
  }
  return absl::OkStatus();
}

absl::Status SetPath(std::string_view path, std::string_view value, Message* message) {
  std::string_view parent;
  for (size_t begin = 0;;) {
    const size_t dot = path.find('.', begin);
    const std::string_view text = path.substr(begin, dot == std::string_view::npos ? dot : dot - begin);
    const std::optional<PathStep> step = ParseStep(text);
    if (!step) return absl::InvalidArgumentError("a path is names with dots between them, like model.layer[2].name");
    DP_ASSIGN_OR_RETURN(const FieldDescriptor* const field, FindField(*message, *step, parent));
    if (dot == std::string_view::npos) return SetValue(field, step->index, value, message);

    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_map()) {
      return absl::InvalidArgumentError(absl::StrCat("'", field->name(), "' has no fields in it"));
    }
    const Reflection& reflection = *message->GetReflection();
    if (!field->is_repeated()) {
      message = reflection.MutableMessage(message, field);
    } else if (*step->index == reflection.FieldSize(*message, field)) {
      message = reflection.AddMessage(message, field);
    } else {
      message = reflection.MutableRepeatedMessage(message, field, *step->index);
    }
    begin = dot + 1;
    parent = path.substr(0, dot);
  }
}

}  // namespace

std::string ConfigOrigins::Place(std::string_view path) const {
  for (std::string_view at = path; !at.empty();) {
    if (const auto place = places_.find(at); place != places_.end()) return place->second;
    const size_t cut = at.rfind('.');
    at = at.substr(0, cut == std::string_view::npos ? 0 : cut);
  }
  return file_;
}

std::string ConfigOrigins::Describe(std::string_view path) const {
  if (path.empty()) return Place(path);  // the whole message
  return absl::StrCat(Place(path), ": ", ToAbsl(path));
}

absl::Status ConfigOrigins::Annotate(const absl::Status& status, std::string_view path) const {
  return status.ok() ? status : downpour::Annotate(status, Describe(path));
}

void ConfigOrigins::Graft(std::string_view path, const ConfigOrigins& part) {
  places_[std::string(path)] = part.file_;
  for (const auto& [field, place] : part.places_) places_[absl::StrCat(ToAbsl(path), ".", field)] = place;
}

absl::Status ParseConfig(std::string_view text, std::string_view file_name, Message* message, ConfigOrigins* origins) {
  if (text.size() > kConfigBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(ToAbsl(file_name), ": has ", text.size(), " bytes; at most ", kConfigBytesMax, " are allowed"));
  }
  ErrorList errors(file_name);
  TextFormat::ParseInfoTree tree;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  if (origins != nullptr) parser.WriteLocationsTo(&tree);
  parser.SetRecursionLimit(kDepthMax);
  if (!parser.ParseFromString(std::string(text), message)) return absl::InvalidArgumentError(errors.text());
  if (origins != nullptr) {
    origins->file_ = std::string(file_name);
    origins->places_.clear();
    CollectPlaces(origins->file_, *message, tree, "", &origins->places_);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadConfigFile(const std::string& file_name) {
  std::error_code error;
  if (std::filesystem::is_directory(file_name, error)) {
    return absl::InvalidArgumentError(absl::StrCat(file_name, " is a folder, not a file"));
  }
  errno = 0;
  std::ifstream file(file_name, std::ios::binary);
  if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", file_name));
  // One byte more than may be tells a file that is too long; its size is not asked for, since a pipe has none.
  std::string text(kConfigBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return absl::DataLossError(absl::StrCat("cannot read all of ", file_name));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kConfigBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(file_name, " has more than ", kConfigBytesMax >> 20, " MiB"));
  }
  if (text.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(file_name, " is not text"));
  }
  text.shrink_to_fit();
  return text;
}

absl::Status OverrideConfig(std::string_view assignment, Message* message, ConfigOrigins* origins) {
  const size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--set ", ToAbsl(assignment), ": write PATH=VALUE, like --set optimizer.sgd.learning_rate=0.1"));
  }
  const std::string_view path = assignment.substr(0, equals);
  const std::unique_ptr<Message> changed(message->New());
  changed->CopyFrom(*message);
  DP_RETURN_IF_ERROR(
      Annotate(SetPath(path, assignment.substr(equals + 1), changed.get()), "--set " + std::string(assignment)));
  message->GetReflection()->Swap(message, changed.get());
  origins->places_[std::string(path)] = "--set";
  return absl::OkStatus();
}

}  // namespace downpour
