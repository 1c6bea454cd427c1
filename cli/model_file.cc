#include "cli/model_file.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "common/config/text_config.h"
#include "deploy/models/shipped_models.h"
#include "google/protobuf/text_format.h"
#include "proto/model.pb.h"

namespace downpour {
namespace {

struct ModelText {
  std::string file;  // as errors name it
  std::string text;
};

absl::StatusOr<ModelText> ReadModel(std::string_view what) {
  for (const ShippedModel& model : ShippedModels()) {
    if (model.name == what) return ModelText{absl::StrCat(ToAbsl(what), ".textproto"), std::string(model.text)};
  }
  absl::StatusOr<std::string> text = ReadConfigFile(std::string(what));
  if (text.ok()) return ModelText{std::string(what), *std::move(text)};
  if (!absl::IsNotFound(text.status())) return text.status();
  std::string names;
  for (const ShippedModel& model : ShippedModels()) absl::StrAppend(&names, " ", ToAbsl(model.name));
  return absl::NotFoundError(
      absl::StrCat("\"", ToAbsl(what), "\" is neither a file nor a shipped model. Those are:", names));
}

struct ImageSize {
  int64_t height = 0;
  int64_t width = 0;
};

absl::StatusOr<ImageSize> ParseImageSize(std::string_view text) {
  const std::vector<std::string> sides = absl::StrSplit(ToAbsl(text), 'x');
  ImageSize size;
  if (sides.size() != 2 || !absl::SimpleAtoi(sides[0], &size.height) || !absl::SimpleAtoi(sides[1], &size.width)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"@", ToAbsl(text), "\" is no size of images; write NAME@HEIGHTxWIDTH, as in cifar10@32x32"));
  }
  return size;
}

}  // namespace

absl::StatusOr<Graph> OpenModel(std::string_view what) {
  const size_t at = what.rfind('@');
  DP_ASSIGN_OR_RETURN(const ModelText model, ReadModel(what.substr(0, at)));
  DP_ASSIGN_OR_RETURN(Graph graph, Graph::FromText(model.text, model.file));
  if (at == std::string_view::npos) return graph;

  DP_ASSIGN_OR_RETURN(const ImageSize size, ParseImageSize(what.substr(at + 1)));
  ModelConfig config;
  if (!google::protobuf::TextFormat::ParseFromString(model.text, &config) || config.input(0).shape_size() != 3) {
    return absl::InvalidArgumentError(
        absl::StrCat(model.file, ": the first input is no image [height, width, channels], so it has no other size"));
  }
  config.mutable_input(0)->set_shape(0, size.height);
  config.mutable_input(0)->set_shape(1, size.width);
  return Graph::FromConfig(config);
}

}  // namespace downpour
