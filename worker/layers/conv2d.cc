#include "worker/layers/conv2d.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"
#include "worker/layers/resolve_window.h"

namespace downpour {

absl::StatusOr<Layer> ResolveConv2D(const Conv2DConfig& config, const LayerContext& context) {
  Conv2D conv;
  DP_ASSIGN_OR_RETURN(conv.window, ResolveWindow({.kernel_name = "kernel",
                                                  .kernel = config.kernel(),
                                                  .stride = config.stride(),
                                                  .dilation = config.dilation(),
                                                  .padding = config.padding(),
                                                  .explicit_padding = config.explicit_padding()},
                                                 context));
  DP_RETURN_IF_ERROR(context.CheckNumber("filters", config.filters(), 1, 1 << 20));
  conv.channels = context.shape(0).dim(2);
  conv.filters = config.filters();
  conv.groups = config.groups() == 0 ? 1 : config.groups();
  conv.has_bias = !config.without_bias();
  if (config.without_bias() && config.has_bias()) return context.Error("has both bias and without_bias");
  if (conv.channels % conv.groups != 0) {
    return context.InputError(
        0, absl::StrCat("its ", conv.channels, " channels cannot be cut into ", conv.groups, " equal groups"));
  }
  if (conv.filters % conv.groups != 0) {
    return context.Error(absl::StrCat(conv.filters, " filters cannot be cut into ", conv.groups, " equal groups"));
  }
  const int64_t group_channels = conv.channels / conv.groups;
  const double products = 2.0 * static_cast<double>(conv.window.height.TapsInside()) *
                          static_cast<double>(conv.window.width.TapsInside()) * static_cast<double>(group_channels) *
                          static_cast<double>(conv.filters);
  DP_ASSIGN_OR_RETURN(Layer layer,
                      context.Make(conv, std::array{conv.window.height.output, conv.window.width.output, conv.filters},
                                   {.forward = products, .backward_inputs = products, .backward_parameters = products},
                                   {.inputs = true}));
  DP_RETURN_IF_ERROR(
      context.AddParameter({.name = "weights",
                            .dims = {conv.window.height.kernel, conv.window.width.kernel, group_channels, conv.filters},
                            .default_initializer = GlorotUniformInitializer(),
                            .config = &config.weights()},
                           &layer));
  if (!conv.has_bias) return layer;
  DP_RETURN_IF_ERROR(context.AddParameter(
      {.name = "bias", .dims = {conv.filters}, .default_initializer = ConstantInitializer(0), .config = &config.bias()},
      &layer));
  return layer;
}

}  // namespace downpour
