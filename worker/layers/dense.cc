#include "worker/layers/dense.h"

#include <array>
#include <string_view>

#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"

namespace downpour {

absl::StatusOr<Layer> ResolveDense(const DenseConfig& config, const LayerContext& context) {
  constexpr std::array<std::string_view, 1> kAxes = {"inputs"};
  DP_RETURN_IF_ERROR(context.CheckOneRealInput());
  DP_RETURN_IF_ERROR(context.CheckAxes(0, kAxes));
  DP_RETURN_IF_ERROR(context.CheckNumber("units", config.units(), 1, 1 << 30));
  const Dense dense{.inputs = context.shape(0).dim(0), .units = config.units(), .has_bias = !config.without_bias()};
  if (config.without_bias() && config.has_bias()) return context.Error("has both bias and without_bias");
  const double products = 2.0 * static_cast<double>(dense.inputs) * static_cast<double>(dense.units);
  DP_ASSIGN_OR_RETURN(Layer layer,
                      context.Make(dense, std::array{dense.units},
                                   {.forward = products, .backward_inputs = products, .backward_parameters = products},
                                   {.inputs = true}));
  DP_RETURN_IF_ERROR(context.AddParameter({.name = "weights",
                                           .dims = {dense.inputs, dense.units},
                                           .default_initializer = GlorotUniformInitializer(),
                                           .config = &config.weights()},
                                          &layer));
  if (!dense.has_bias) return layer;
  DP_RETURN_IF_ERROR(context.AddParameter(
      {.name = "bias", .dims = {dense.units}, .default_initializer = ConstantInitializer(0), .config = &config.bias()},
      &layer));
  return layer;
}

}  // namespace downpour
