#include "worker/layers/resolve.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace downpour {
namespace {

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

bool IsLoss(const Layer& layer) {
  return layer.As<SoftmaxCrossEntropy>() != nullptr || layer.As<SigmoidCrossEntropy>() != nullptr ||
         layer.As<MeanSquaredError>() != nullptr;
}

bool IsView(const Layer& layer) { return layer.As<Reshape>() != nullptr; }

}  // namespace downpour
