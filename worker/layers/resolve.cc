#include "worker/layers/resolve.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace downpour {
namespace {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

// The name of the field that says of what kind the layer is.
std::string KindInFile(const LayerConfig& config) {
  const auto* descriptor = LayerConfig::descriptor()->FindFieldByNumber(config.kind_case());
  return descriptor == nullptr ? "no kind" : descriptor->name();
}

}  // namespace

absl::StatusOr<Layer> ResolveLayer(const LayerConfig& config, std::vector<LayerInput> inputs) {
  const LayerContext context(config.name(), KindInFile(config), std::move(inputs));
  switch (config.kind_case()) {
    case LayerConfig::kDense:
      return ResolveDense(config.dense(), context);
    case LayerConfig::kConv2D:
      return ResolveConv2D(config.conv2d(), context);
    case LayerConfig::kMaxPool:
      return ResolvePool2D(config.max_pool(), Pool2D::Kind::kMax, context);
    case LayerConfig::kAveragePool:
      return ResolvePool2D(config.average_pool(), Pool2D::Kind::kAverage, context);
    case LayerConfig::kGlobalPool:
      return ResolveGlobalPool(config.global_pool(), context);
    case LayerConfig::kRelu:
      return ResolveRelu(config.relu(), context);
    case LayerConfig::kLeakyRelu:
      return ResolveLeakyRelu(config.leaky_relu(), context);
    case LayerConfig::kGelu:
      return ResolveGelu(config.gelu(), context);
    case LayerConfig::kTanh:
      return ResolveTanh(config.tanh(), context);
    case LayerConfig::kSigmoid:
      return ResolveSigmoid(config.sigmoid(), context);
    case LayerConfig::kSoftmax:
      return ResolveSoftmax(config.softmax(), context);
    case LayerConfig::kLrn:
      return ResolveLrn(config.lrn(), context);
    case LayerConfig::kBatchNorm:
      return ResolveBatchNorm(config.batch_norm(), context);
    case LayerConfig::kLayerNorm:
      return ResolveLayerNorm(config.layer_norm(), context);
    case LayerConfig::kDropout:
      return ResolveDropout(config.dropout(), context);
    case LayerConfig::kFlatten:
      return ResolveFlatten(config.flatten(), context);
    case LayerConfig::kReshape:
      return ResolveReshape(config.reshape(), context);
    case LayerConfig::kAdd:
      return ResolveAdd(config.add(), context);
    case LayerConfig::kMultiply:
      return ResolveMultiply(config.multiply(), context);
    case LayerConfig::kConcat:
      return ResolveConcat(config.concat(), context);
    case LayerConfig::kEmbedding:
      return ResolveEmbedding(config.embedding(), context);
    case LayerConfig::kSoftmaxCrossEntropy:
      return ResolveSoftmaxCrossEntropy(config.softmax_cross_entropy(), context);
    case LayerConfig::kSigmoidCrossEntropy:
      return ResolveSigmoidCrossEntropy(config.sigmoid_cross_entropy(), context);
    case LayerConfig::kMeanSquaredError:
      return ResolveMeanSquaredError(config.mean_squared_error(), context);
    case LayerConfig::KIND_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("layer ", config.name(), " has no kind: add one of those in docs/models.md, such as dense { ... }"));
}

const char* LayerKindName(const Layer& layer) {
  const auto activation = [](Activation::Kind kind) {
    switch (kind) {
      case Activation::Kind::kRelu:
        return "relu";
      case Activation::Kind::kLeakyRelu:
        return "leaky_relu";
      case Activation::Kind::kGelu:
      case Activation::Kind::kGeluTanh:
        return "gelu";
      case Activation::Kind::kTanh:
        return "tanh";
      case Activation::Kind::kSigmoid:
        return "sigmoid";
    }
    return "activation";
  };
  return std::visit(
      Overloaded{
          [](const Dense&) { return "dense"; },
          [](const Conv2D&) { return "conv2d"; },
          [](const Pool2D& pool) { return pool.kind == Pool2D::Kind::kMax ? "max_pool" : "average_pool"; },
          [](const GlobalPool&) { return "global_pool"; },
          [&](const Activation& op) { return activation(op.kind); },
          [](const Softmax&) { return "softmax"; },
          [](const Lrn&) { return "lrn"; },
          [](const BatchNorm&) { return "batch_norm"; },
          [](const LayerNorm&) { return "layer_norm"; },
          [](const Dropout&) { return "dropout"; },
          [&](const Reshape&) { return layer.output.shape.rank() == 1 ? "flatten" : "reshape"; },
          [](const Elementwise& op) { return op.kind == Elementwise::Kind::kAdd ? "add" : "multiply"; },
          [](const Concat&) { return "concat"; },
          [](const Embedding&) { return "embedding"; },
          [](const SoftmaxCrossEntropy&) { return "softmax_cross_entropy"; },
          [](const SigmoidCrossEntropy&) { return "sigmoid_cross_entropy"; },
          [](const MeanSquaredError&) { return "mean_squared_error"; },
      },
      layer.op);
}

bool IsLoss(const Layer& layer) {
  return layer.As<SoftmaxCrossEntropy>() != nullptr || layer.As<SigmoidCrossEntropy>() != nullptr ||
         layer.As<MeanSquaredError>() != nullptr;
}

bool IsView(const Layer& layer) { return layer.As<Reshape>() != nullptr; }

}  // namespace downpour
