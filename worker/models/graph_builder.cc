#include "worker/models/graph_builder.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "worker/layers/resolve.h"

namespace downpour {
namespace {

constexpr size_t kNameBytesMax = 128;
constexpr size_t kInputsMax = 1000;
constexpr int kLayerInputsMax = 1024;

// How many letters have to be added, removed or changed, counted up to `most`.
size_t EditDistance(std::string_view a, std::string_view b, size_t most) {
  if (a.size() > b.size() + most || b.size() > a.size() + most) return most + 1;
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
    }
  }
  return row.back();
}

}  // namespace

absl::StatusOr<Graph> GraphBuilder::Build() {
  graph_.name_ = config_.name();
  if (config_.input().empty()) return absl::InvalidArgumentError("the model has no input: add input { name: ... }");
  if (config_.layer().empty()) return absl::InvalidArgumentError("the model has no layer");
  if (static_cast<size_t>(config_.layer_size()) > kModelLayersMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model has ", config_.layer_size(), " layers; at most ", kModelLayersMax, " are allowed"));
  }
  if (static_cast<size_t>(config_.input_size()) > kInputsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model has ", config_.input_size(), " inputs; at most ", kInputsMax, " are allowed"));
  }
  DP_RETURN_IF_ERROR(ReadInputs());
  DP_RETURN_IF_ERROR(ReadNames());
  DP_RETURN_IF_ERROR(FindInputs());
  DP_RETURN_IF_ERROR(Sort());
  DP_RETURN_IF_ERROR(ResolveLayers());
  failed_layer_.reset();
  DP_RETURN_IF_ERROR(ChooseOutputs());
  DP_RETURN_IF_ERROR(CheckAllIsUsed());
  return std::move(graph_);
}

std::string GraphBuilder::failed_field() const {
  if (failed_layer_.has_value()) return absl::StrCat("layer[", *failed_layer_, "]");
  return failed_input_.has_value() ? absl::StrCat("input[", *failed_input_, "]") : "";
}

absl::Status GraphBuilder::NameFollows(std::string_view what, const std::string& name) const {
  if (name.empty()) return absl::InvalidArgumentError(absl::StrCat("an ", ToAbsl(what), " has no name"));
  const bool good = std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.' || c == '/';
  });
  if (!good || name.size() > kNameBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("the name \"", absl::CHexEscape(name.substr(0, kNameBytesMax)),
                                                   "\": names have letters, digits and _ - . / and at most ",
                                                   kNameBytesMax, " of them"));
  }
  return absl::OkStatus();
}

absl::Status GraphBuilder::ReadInputs() {
  for (int i = 0; i < config_.input_size(); ++i) {
    failed_input_ = i;
    const InputConfig& input = config_.input(i);
    DP_RETURN_IF_ERROR(NameFollows("input", input.name()));
    const std::string context = absl::StrCat("input ", input.name());
    ElementType element_type = ElementType::kReal;
    if (input.dtype() == INT32) {
      element_type = ElementType::kIndex;
    } else if (input.dtype() != FLOAT32 && input.dtype() != DATA_TYPE_UNSPECIFIED) {
      return absl::InvalidArgumentError(absl::StrCat(context, ": the dtype is ", DataType_Name(input.dtype()), " (",
                                                     static_cast<int>(input.dtype()), "); use FLOAT32 or INT32"));
    }
    absl::StatusOr<TensorType> type =
        MakeTensorType(std::vector<int64_t>(input.shape().begin(), input.shape().end()), element_type);
    if (!type.ok()) return Annotate(type.status(), context);
    if (!sources_.try_emplace(input.name(), Source{.is_input = true, .index = i}).second) {
      return absl::InvalidArgumentError(absl::StrCat(context, " is described twice"));
    }
    graph_.tensor_by_name_[input.name()] = graph_.tensors_.size();
    graph_.tensors_.push_back({input.name(), *type});
  }
  failed_input_.reset();
  graph_.input_count_ = graph_.tensors_.size();
  return absl::OkStatus();
}

absl::Status GraphBuilder::ReadNames() {
  for (int i = 0; i < config_.layer_size(); ++i) {
    failed_layer_ = i;
    const std::string& name = config_.layer(i).name();
    if (name.empty()) return absl::InvalidArgumentError(absl::StrCat("layer number ", i + 1, " has no name"));
    DP_RETURN_IF_ERROR(NameFollows("layer", name));
    const auto [at, is_new] = sources_.try_emplace(name, Source{.is_input = false, .index = i});
    if (!is_new) {
      return absl::InvalidArgumentError(absl::StrCat("the name ", name, " is used twice: by ",
                                                     at->second.is_input ? "an input" : "a layer", " and by a layer"));
    }
  }
  return absl::OkStatus();
}

std::string GraphBuilder::Suggestion(std::string_view name) const {
  const size_t most = name.size() <= 3 ? 1 : 2;
  std::string best;
  size_t best_distance = most + 1;
  for (const auto& [known, source] : sources_) {
    const size_t distance = EditDistance(name, known, most);
    if (distance < best_distance || (distance == best_distance && distance <= most && known < best)) {
      best = known;
      best_distance = distance;
    }
  }
  return best.empty() ? "" : absl::StrCat("; did you mean ", best, "?");
}

absl::Status GraphBuilder::FindInputs() {
  layer_sources_.resize(static_cast<size_t>(config_.layer_size()));
  for (int i = 0; i < config_.layer_size(); ++i) {
    failed_layer_ = i;
    const LayerConfig& layer = config_.layer(i);
    std::vector<Source>& found = layer_sources_[static_cast<size_t>(i)];
    if (layer.input_size() > kLayerInputsMax) {
      return absl::InvalidArgumentError(absl::StrCat("layer ", layer.name(), " has ", layer.input_size(),
                                                     " inputs; at most ", kLayerInputsMax, " are allowed"));
    }
    if (layer.input().empty()) {
      if (i == 0) {
        return absl::InvalidArgumentError(absl::StrCat("layer ", layer.name(),
                                                       " is the first one and names no input: add input: \"",
                                                       config_.input(0).name(), "\""));
      }
      found.push_back({.is_input = false, .index = i - 1});
    }
    for (const std::string& name : layer.input()) {
      const auto at = sources_.find(name);
      if (at == sources_.end()) {
        return absl::InvalidArgumentError(absl::StrCat("layer ", layer.name(), " takes \"",
                                                       absl::CHexEscape(name.substr(0, kNameBytesMax)),
                                                       "\", which is no input and no layer", Suggestion(name)));
      }
      found.push_back(at->second);
    }
    for (const Source& source : found) {
      if (source.is_input) continue;
      const LayerConfig& below = config_.layer(source.index);
      const bool is_loss =
          below.has_softmax_cross_entropy() || below.has_sigmoid_cross_entropy() || below.has_mean_squared_error();
      if (is_loss) {
        return absl::InvalidArgumentError(
            absl::StrCat("layer ", layer.name(), " takes the loss ", below.name(), "; nothing follows a loss",
                         layer.input().empty() ? ". It names no input, and so takes the layer written above it" : ""));
      }
    }
  }
  failed_layer_.reset();
  return absl::OkStatus();
}

// Of the layers whose inputs are there, always the one that is written first.
absl::Status GraphBuilder::Sort() {
  const size_t count = layer_sources_.size();
  std::vector<size_t> missing(count);
  std::vector<std::vector<int>> above(count);
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (size_t i = 0; i < count; ++i) {
    for (const Source& source : layer_sources_[i]) {
      if (source.is_input) continue;
      ++missing[i];
      above[static_cast<size_t>(source.index)].push_back(static_cast<int>(i));
    }
    if (missing[i] == 0) ready.push(static_cast<int>(i));
  }
  std::vector<bool> placed(count);
  while (!ready.empty()) {
    const int next = ready.top();
    ready.pop();
    order_.push_back(next);
    placed[static_cast<size_t>(next)] = true;
    for (const int layer : above[static_cast<size_t>(next)]) {
      if (--missing[static_cast<size_t>(layer)] == 0) ready.push(layer);
    }
  }
  return order_.size() == count ? absl::OkStatus() : DescribeCycle(placed);
}

// Every layer that is not placed takes one that is not placed: going down from one to the next ends in a circle.
absl::Status GraphBuilder::DescribeCycle(const std::vector<bool>& placed) {
  int at = static_cast<int>(std::find(placed.begin(), placed.end(), false) - placed.begin());
  std::vector<int> path;
  std::vector<bool> seen(placed.size());
  while (!seen[static_cast<size_t>(at)]) {
    seen[static_cast<size_t>(at)] = true;
    path.push_back(at);
    for (const Source& source : layer_sources_[static_cast<size_t>(at)]) {
      if (!source.is_input && !placed[static_cast<size_t>(source.index)]) {
        at = source.index;
        break;
      }
    }
  }
  path.erase(path.begin(), std::find(path.begin(), path.end(), at));
  std::string text;
  constexpr size_t kShown = 10;
  for (size_t i = 0; i < path.size() && i < kShown; ++i) absl::StrAppend(&text, config_.layer(path[i]).name(), " <- ");
  if (path.size() > kShown) absl::StrAppend(&text, "... <- ");
  failed_layer_ = at;
  return absl::InvalidArgumentError(
      absl::StrCat("the layers take each other in a circle: ", text, config_.layer(at).name(), " (A <- B: A takes B)"));
}

absl::Status GraphBuilder::ResolveLayers() {
  tensor_of_layer_.resize(layer_sources_.size());
  graph_.layers_.reserve(order_.size());
  for (const int index : order_) {
    failed_layer_ = index;
    std::vector<LayerInput> inputs;
    std::vector<TensorId> tensors;
    for (const Source& source : layer_sources_[static_cast<size_t>(index)]) {
      const auto i = static_cast<size_t>(source.index);
      tensors.push_back(source.is_input ? i : tensor_of_layer_[i]);
      const Graph::Tensor& tensor = graph_.tensors_[tensors.back()];
      inputs.push_back({tensor.name, tensor.type});
    }
    DP_ASSIGN_OR_RETURN(Layer layer, ResolveLayer(config_.layer(index), std::move(inputs)));
    const TensorId output = graph_.tensors_.size();
    tensor_of_layer_[static_cast<size_t>(index)] = output;
    graph_.tensor_by_name_[layer.name] = output;
    graph_.tensors_.push_back({layer.name, layer.output});
    graph_.layer_inputs_.push_back(std::move(tensors));
    if (IsLoss(layer)) graph_.losses_.push_back(graph_.layers_.size());
    graph_.layers_.push_back(std::move(layer));
  }
  graph_.consumer_count_.resize(graph_.tensors_.size());
  for (size_t layer = 0; layer < graph_.layers_.size(); ++layer) {
    for (const TensorId tensor : graph_.layer_inputs_[layer]) ++graph_.consumer_count_[tensor];
    graph_.first_parameter_.push_back(graph_.parameters_.size());
    const std::vector<ParameterSpec>& specs = graph_.layers_[layer].parameters;
    for (size_t i = 0; i < specs.size(); ++i) graph_.parameters_.push_back({layer, i, &specs[i]});
  }
  return absl::OkStatus();
}

absl::Status GraphBuilder::ChooseOutputs() {
  const auto add = [this](TensorId tensor) {
    if (std::find(graph_.outputs_.begin(), graph_.outputs_.end(), tensor) == graph_.outputs_.end()) {
      graph_.outputs_.push_back(tensor);
    }
  };
  for (const std::string& name : config_.output()) {
    const std::optional<TensorId> tensor = graph_.FindTensor(name);
    if (!tensor.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat("the output \"", absl::CHexEscape(name.substr(0, kNameBytesMax)),
                                                     "\" is no input and no layer", Suggestion(name)));
    }
    if (*tensor >= graph_.input_count_ && IsLoss(graph_.layers_[*tensor - graph_.input_count_])) {
      return absl::InvalidArgumentError(
          absl::StrCat("the output ", name, " is a loss, which is reported anyway; name what it judges"));
    }
    add(*tensor);
  }
  if (!graph_.outputs_.empty()) return absl::OkStatus();
  for (const size_t loss : graph_.losses_) add(graph_.layer_inputs_[loss][0]);
  if (!graph_.losses_.empty()) return absl::OkStatus();
  for (size_t layer = 0; layer < graph_.layers_.size(); ++layer) {
    if (graph_.ConsumerCount(graph_.OutputOf(layer)) == 0) add(graph_.OutputOf(layer));
  }
  return absl::OkStatus();
}

absl::Status GraphBuilder::CheckAllIsUsed() {
  for (TensorId tensor = 0; tensor < graph_.tensors_.size(); ++tensor) {
    const bool is_input = tensor < graph_.input_count_;
    const bool is_output = std::find(graph_.outputs_.begin(), graph_.outputs_.end(), tensor) != graph_.outputs_.end();
    if (graph_.ConsumerCount(tensor) > 0 || is_output) continue;
    if (!is_input && IsLoss(graph_.layers_[tensor - graph_.input_count_])) continue;
    const std::string& name = graph_.tensors_[tensor].name;
    if (is_input) {
      failed_input_ = static_cast<int>(tensor);
      return absl::InvalidArgumentError(absl::StrCat("input ", name, " is taken by no layer; remove it"));
    }
    failed_layer_ = order_[tensor - graph_.input_count_];
    return absl::InvalidArgumentError(
        absl::StrCat("layer ", name, " is taken by no layer; remove it, or name it as an output of the model"));
  }
  return absl::OkStatus();
}

}  // namespace downpour
