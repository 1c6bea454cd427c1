#include "worker/device/cpu/linear_passes.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace downpour {
namespace {

using dnnl::memory;
using onednn::Operation;
using Arguments = std::vector<Operation::Argument>;

memory::data_type DataType(DType dtype) {
  return dtype == DType::kBFloat16 ? memory::data_type::bf16 : memory::data_type::f32;
}

dnnl::primitive_attr ForwardAttributes(bool relu) {
  dnnl::primitive_attr attributes = onednn::UserScratchpad();
  if (relu) {
    dnnl::post_ops after;
    after.append_eltwise(1.F, dnnl::algorithm::eltwise_relu, 0.F, 0.F);
    attributes.set_post_ops(after);
  }
  return attributes;
}

// The passes of a layer whose descriptions differ by kind alone.
struct LinearTypes {
  memory::desc x, weights, bias, y, plain_weights, plain_gradient;
  bool has_bias = false;
};

template <typename ForwardPrimitive>
void AddForward(const LinearTypes& types, const typename ForwardPrimitive::primitive_desc& desc, LinearPasses* passes) {
  passes->forward_weights = desc.weights_desc();
  Arguments arguments = {{DNNL_ARG_SRC, types.x}, {DNNL_ARG_WEIGHTS, passes->forward_weights}};
  if (types.has_bias) arguments.push_back({DNNL_ARG_BIAS, types.bias});
  arguments.push_back({DNNL_ARG_DST, types.y});
  passes->forward = Operation(desc, ForwardPrimitive(desc), std::move(arguments));
}

template <typename BackwardDataPrimitive>
void AddBackwardData(const LinearTypes& types, const typename BackwardDataPrimitive::primitive_desc& desc,
                     LinearPasses* passes) {
  passes->backward_weights_read = desc.weights_desc();
  passes->backward_data =
      Operation(desc, BackwardDataPrimitive(desc),
                {{DNNL_ARG_DIFF_DST, types.y}, {DNNL_ARG_WEIGHTS, desc.weights_desc()}, {DNNL_ARG_DIFF_SRC, types.x}});
}

template <typename BackwardWeightsPrimitive>
void AddBackwardWeights(const LinearTypes& types, const typename BackwardWeightsPrimitive::primitive_desc& desc,
                        LinearPasses* passes) {
  passes->weights_gradient = desc.diff_weights_desc();
  Arguments arguments = {
      {DNNL_ARG_SRC, types.x}, {DNNL_ARG_DIFF_DST, types.y}, {DNNL_ARG_DIFF_WEIGHTS, passes->weights_gradient}};
  if (types.has_bias) arguments.push_back({DNNL_ARG_DIFF_BIAS, types.bias});
  passes->backward_weights = Operation(desc, BackwardWeightsPrimitive(desc), std::move(arguments));
}

LinearPasses MakeDense(const Dense& dense, const LinearRequest& request) {
  const memory::data_type type = DataType(request.compute);
  const memory::dims weights_dims = {dense.units, dense.inputs};
  // Blocked weights are for AVX-512 alone; elsewhere a plain matrix product takes the table as it lies.
  const bool plain = request.compute == DType::kFloat32 && !onednn::HasAvx512();
  const LinearTypes types = {
      .x = memory::desc({request.batch, dense.inputs}, type, memory::format_tag::ab),
      .weights = memory::desc(weights_dims, type, plain ? memory::format_tag::ba : memory::format_tag::any),
      .bias =
          dense.has_bias ? memory::desc({dense.units}, memory::data_type::f32, memory::format_tag::a) : memory::desc(),
      .y = memory::desc({request.batch, dense.units}, type, memory::format_tag::ab),
      .plain_weights = memory::desc(weights_dims, memory::data_type::f32, memory::format_tag::ba),
      // Straight into the table's layout: a plain matrix product, as fast as the blocked one and its reordering.
      .plain_gradient = memory::desc(weights_dims, memory::data_type::f32, memory::format_tag::ba),
      .has_bias = dense.has_bias,
  };
  LinearPasses passes;
  passes.plain_weights = types.plain_weights;
  const auto kind = request.backward ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  using Forward = dnnl::inner_product_forward;
  const Forward::desc forward_desc = types.has_bias ? Forward::desc(kind, types.x, types.weights, types.bias, types.y)
                                                    : Forward::desc(kind, types.x, types.weights, types.y);
  const Forward::primitive_desc forward(forward_desc, ForwardAttributes(request.relu), onednn::Engine());
  AddForward<Forward>(types, forward, &passes);
  if (!request.backward) return passes;
  if (request.input_gradient) {
    using Backward = dnnl::inner_product_backward_data;
    AddBackwardData<Backward>(types,
                              Backward::primitive_desc({types.x, types.weights, types.y}, onednn::UserScratchpad(),
                                                       onednn::Engine(), forward),
                              &passes);
  }
  using Backward = dnnl::inner_product_backward_weights;
  const Backward::desc desc = types.has_bias ? Backward::desc(types.x, types.plain_gradient, types.bias, types.y)
                                             : Backward::desc(types.x, types.plain_gradient, types.y);
  AddBackwardWeights<Backward>(
      types, Backward::primitive_desc(desc, onednn::UserScratchpad(), onednn::Engine(), forward), &passes);
  return passes;
}

LinearPasses MakeConvolution(const Conv2D& conv, const LinearRequest& request) {
  const memory::data_type type = DataType(request.compute);
  const WindowAxis& height = conv.window.height;
  const WindowAxis& width = conv.window.width;
  const bool grouped = conv.groups > 1;
  const memory::dims weights_dims = grouped ? memory::dims{conv.groups, conv.filters / conv.groups,
                                                           conv.channels / conv.groups, height.kernel, width.kernel}
                                            : memory::dims{conv.filters, conv.channels, height.kernel, width.kernel};
  const auto plain_tag = grouped ? memory::format_tag::hwigo : memory::format_tag::hwio;
  const LinearTypes types = {
      .x = memory::desc({request.batch, conv.channels, height.input, width.input}, type, memory::format_tag::nhwc),
      .weights = memory::desc(weights_dims, type, memory::format_tag::any),
      .bias =
          conv.has_bias ? memory::desc({conv.filters}, memory::data_type::f32, memory::format_tag::a) : memory::desc(),
      .y = memory::desc({request.batch, conv.filters, height.output, width.output}, type, memory::format_tag::nhwc),
      .plain_weights = memory::desc(weights_dims, memory::data_type::f32, plain_tag),
      // Where oneDNN likes it: straight into the table's layout it is up to 60 times slower.
      .plain_gradient = memory::desc(weights_dims, memory::data_type::f32, memory::format_tag::any),
      .has_bias = conv.has_bias,
  };
  const memory::dims stride = {height.stride, width.stride};
  const memory::dims dilation = {height.dilation - 1, width.dilation - 1};
  const memory::dims before = {height.before, width.before};
  const memory::dims after = {height.after, width.after};
  const auto direct = dnnl::algorithm::convolution_direct;

  LinearPasses passes;
  passes.plain_weights = types.plain_weights;
  const auto kind = request.backward ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  using Forward = dnnl::convolution_forward;
  const Forward::desc forward_desc =
      types.has_bias
          ? Forward::desc(kind, direct, types.x, types.weights, types.bias, types.y, stride, dilation, before, after)
          : Forward::desc(kind, direct, types.x, types.weights, types.y, stride, dilation, before, after);
  const Forward::primitive_desc forward(forward_desc, ForwardAttributes(request.relu), onednn::Engine());
  AddForward<Forward>(types, forward, &passes);
  if (!request.backward) return passes;
  if (request.input_gradient) {
    using Backward = dnnl::convolution_backward_data;
    const Backward::desc desc(direct, types.x, types.weights, types.y, stride, dilation, before, after);
    AddBackwardData<Backward>(
        types, Backward::primitive_desc(desc, onednn::UserScratchpad(), onednn::Engine(), forward), &passes);
  }
  using Backward = dnnl::convolution_backward_weights;
  const Backward::desc desc =
      types.has_bias
          ? Backward::desc(direct, types.x, types.plain_gradient, types.bias, types.y, stride, dilation, before, after)
          : Backward::desc(direct, types.x, types.plain_gradient, types.y, stride, dilation, before, after);
  AddBackwardWeights<Backward>(
      types, Backward::primitive_desc(desc, onednn::UserScratchpad(), onednn::Engine(), forward), &passes);
  return passes;
}

}  // namespace

absl::StatusOr<LinearPasses> MakeLinearPasses(const LinearRequest& request) {
  const Layer& layer = *request.layer;
  return onednn::Try(absl::StrCat("layer ", layer.name, " (", layer.kind, "), batch ", request.batch), [&] {
    if (const Dense* dense = layer.As<Dense>()) return MakeDense(*dense, request);
    return MakeConvolution(*layer.As<Conv2D>(), request);
  });
}

}  // namespace downpour
