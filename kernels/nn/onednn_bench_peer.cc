#include "kernels/nn/onednn_bench_peer.h"

#include <memory>
#include <unordered_map>

#include "dnnl.hpp"

extern "C" void omp_set_num_threads(int threads);  // of the runtime that the system's oneDNN is built with

namespace downpour::nn {
namespace {

using dnnl::memory;
using dnnl::prop_kind;
using Tag = memory::format_tag;
using Args = std::unordered_map<int, memory>;

constexpr auto kFloat = memory::data_type::f32;

const dnnl::engine& Engine() {
  static const auto* const engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

memory Filled(const memory::desc& desc) {
  memory filled(desc, Engine());
  float* const values = static_cast<float*>(filled.get_data_handle());
  for (size_t i = 0; i < desc.get_size() / sizeof(float); ++i) values[i] = 0.01f * static_cast<float>(i % 201) - 1;
  return filled;
}

std::function<void()> Pass(const dnnl::primitive& primitive, const Args& args) {
  return [primitive, args] {
    dnnl::stream stream(Engine());
    primitive.execute(stream, args);
    stream.wait();
  };
}

struct ConvDescs {
  ConvDescs(const ConvShape& s, Tag images, bool relu)
      : src({s.batch, s.in_channels, s.height, s.width}, kFloat, images),
        dst({s.batch, s.out_channels, s.OutHeight(), s.OutWidth()}, kFloat, images),
        weights({s.out_channels, s.in_channels, s.kernel, s.kernel}, kFloat, Tag::any),
        bias({s.out_channels}, kFloat, Tag::x),
        before{s.pad_top, s.pad_left},
        behind{s.pad_bottom, s.pad_right},
        forward(Forward(relu)) {}

  dnnl::convolution_forward::primitive_desc Forward(bool relu) const {
    dnnl::primitive_attr attr;
    if (relu) {
      dnnl::post_ops ops;
      ops.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
      attr.set_post_ops(ops);
    }
    return {{prop_kind::forward_training,
             dnnl::algorithm::convolution_direct,
             src,
             weights,
             bias,
             dst,
             {1, 1},
             before,
             behind},
            attr,
            Engine()};
  }
  dnnl::convolution_backward_weights::primitive_desc BackwardWeights() const {
    return {{dnnl::algorithm::convolution_direct, src, weights, bias, dst, {1, 1}, before, behind}, Engine(), forward};
  }
  dnnl::convolution_backward_data::primitive_desc BackwardData() const {
    return {{dnnl::algorithm::convolution_direct, src, weights, dst, {1, 1}, before, behind}, Engine(), forward};
  }

  memory::desc src, dst, weights, bias;
  memory::dims before, behind;
  dnnl::convolution_forward::primitive_desc forward;
};

// The passes of pooling and lrn over images of `pool`, nhwc.
struct PoolDescs {
  PoolDescs(const PoolShape& s, const LrnParams& lrn, bool pool_first)
      : in({s.batch, s.channels, s.height, s.width}, kFloat, Tag::nhwc),
        out({s.batch, s.channels, s.y.out, s.x.out}, kFloat, Tag::nhwc),
        normalised(pool_first ? out : in),
        strides{s.y.stride, s.x.stride},
        window{s.y.window, s.x.window},
        before{s.y.pad, s.x.pad},
        behind{(s.y.out - 1) * s.y.stride + s.y.window - s.height - s.y.pad,
               (s.x.out - 1) * s.x.stride + s.x.window - s.width - s.x.pad},
        size(2 * lrn.radius + 1),
        alpha(lrn.alpha * static_cast<float>(size)),
        beta(lrn.beta),
        bias(lrn.bias),
        pool({{prop_kind::forward_training, dnnl::algorithm::pooling_max, in, out, strides, window, before, behind},
              Engine()}),
        pool_back({{dnnl::algorithm::pooling_max, in, out, strides, window, before, behind}, Engine(), pool}),
        lrn_forward(
            {{prop_kind::forward_training, dnnl::algorithm::lrn_across_channels, normalised, size, alpha, beta, bias},
             Engine()}),
        lrn_back({{dnnl::algorithm::lrn_across_channels, normalised, normalised, size, alpha, beta, bias},
                  Engine(),
                  lrn_forward}),
        numbers(pool.workspace_desc(), Engine()),
        scales(lrn_forward.workspace_desc(), Engine()) {}

  memory::desc in, out, normalised;
  memory::dims strides, window, before, behind;
  memory::dim size;
  float alpha, beta, bias;
  dnnl::pooling_forward::primitive_desc pool;
  dnnl::pooling_backward::primitive_desc pool_back;
  dnnl::lrn_forward::primitive_desc lrn_forward;
  dnnl::lrn_backward::primitive_desc lrn_back;
  memory numbers, scales;
};

std::function<void()> ReluBackward(const memory::desc& desc, const memory& y, const memory& gradient) {
  const auto relu = dnnl::algorithm::eltwise_relu_use_dst_for_bwd;
  const dnnl::eltwise_forward::primitive_desc hint({prop_kind::forward_training, relu, desc, 0.f}, Engine());
  const dnnl::eltwise_backward::primitive_desc back({relu, desc, desc, 0.f}, Engine(), hint);
  return Pass(dnnl::eltwise_backward(back),
              {{DNNL_ARG_DST, y}, {DNNL_ARG_DIFF_DST, gradient}, {DNNL_ARG_DIFF_SRC, gradient}});
}

std::function<void()> InTurn(const std::vector<std::function<void()>>& passes) {
  return [passes] {
    for (const auto& pass : passes) pass();
  };
}

}  // namespace

std::vector<OneDnnPasses> OneDnnConvolutions(const ConvShape& shape) {
  std::vector<OneDnnPasses> all;
  for (const Tag tag : {Tag::nhwc, Tag::any}) {
    const ConvDescs descs(shape, tag, /*relu=*/false);
    const auto weights = descs.BackwardWeights();
    const auto data = descs.BackwardData();
    const memory bias = Filled(descs.bias);
    OneDnnPasses passes;
    passes.name = tag == Tag::nhwc ? "onednn_nhwc" : "onednn_any";
    passes.forward =
        Pass(dnnl::convolution_forward(descs.forward), {{DNNL_ARG_SRC, Filled(descs.forward.src_desc())},
                                                        {DNNL_ARG_WEIGHTS, Filled(descs.forward.weights_desc())},
                                                        {DNNL_ARG_BIAS, bias},
                                                        {DNNL_ARG_DST, Filled(descs.forward.dst_desc())}});
    passes.backward_data =
        Pass(dnnl::convolution_backward_data(data), {{DNNL_ARG_DIFF_SRC, Filled(data.diff_src_desc())},
                                                     {DNNL_ARG_WEIGHTS, Filled(data.weights_desc())},
                                                     {DNNL_ARG_DIFF_DST, Filled(data.diff_dst_desc())}});
    passes.backward_weights =
        Pass(dnnl::convolution_backward_weights(weights), {{DNNL_ARG_SRC, Filled(weights.src_desc())},
                                                           {DNNL_ARG_DIFF_WEIGHTS, Filled(weights.diff_weights_desc())},
                                                           {DNNL_ARG_DIFF_BIAS, Filled(descs.bias)},
                                                           {DNNL_ARG_DIFF_DST, Filled(weights.diff_dst_desc())}});
    all.push_back(passes);
  }
  return all;
}

OneDnnPasses OneDnnFirstStage(const ConvShape& shape, const PoolShape& pool, const LrnParams& lrn) {
  const ConvDescs conv(shape, Tag::nhwc, /*relu=*/true);
  const PoolDescs descs(pool, lrn, /*pool_first=*/true);
  const auto weights = conv.BackwardWeights();
  const memory x = Filled(conv.forward.src_desc());
  const memory y = Filled(conv.forward.dst_desc());
  const memory dy = Filled(conv.forward.dst_desc());
  const memory pooled = Filled(descs.out);
  const memory out = Filled(descs.out);
  const memory gradient = Filled(descs.out);
  const memory dpooled = Filled(descs.out);
  OneDnnPasses passes;
  passes.name = "onednn_nhwc";
  passes.forward =
      InTurn({Pass(dnnl::convolution_forward(conv.forward), {{DNNL_ARG_SRC, x},
                                                             {DNNL_ARG_WEIGHTS, Filled(conv.forward.weights_desc())},
                                                             {DNNL_ARG_BIAS, Filled(conv.bias)},
                                                             {DNNL_ARG_DST, y}}),
              Pass(dnnl::pooling_forward(descs.pool),
                   {{DNNL_ARG_SRC, y}, {DNNL_ARG_DST, pooled}, {DNNL_ARG_WORKSPACE, descs.numbers}}),
              Pass(dnnl::lrn_forward(descs.lrn_forward),
                   {{DNNL_ARG_SRC, pooled}, {DNNL_ARG_DST, out}, {DNNL_ARG_WORKSPACE, descs.scales}})});
  passes.backward_weights = InTurn(
      {Pass(dnnl::lrn_backward(descs.lrn_back), {{DNNL_ARG_SRC, pooled},
                                                 {DNNL_ARG_DIFF_DST, gradient},
                                                 {DNNL_ARG_WORKSPACE, descs.scales},
                                                 {DNNL_ARG_DIFF_SRC, dpooled}}),
       Pass(dnnl::pooling_backward(descs.pool_back),
            {{DNNL_ARG_DIFF_DST, dpooled}, {DNNL_ARG_WORKSPACE, descs.numbers}, {DNNL_ARG_DIFF_SRC, dy}}),
       ReluBackward(conv.forward.dst_desc(), y, dy),
       Pass(dnnl::convolution_backward_weights(weights), {{DNNL_ARG_SRC, x},
                                                          {DNNL_ARG_DIFF_WEIGHTS, Filled(weights.diff_weights_desc())},
                                                          {DNNL_ARG_DIFF_BIAS, Filled(conv.bias)},
                                                          {DNNL_ARG_DIFF_DST, dy}})});
  return passes;
}

OneDnnPasses OneDnnLrnMax(const PoolShape& pool, const LrnParams& lrn) {
  const PoolDescs descs(pool, lrn, /*pool_first=*/false);
  const memory x = Filled(descs.in);
  const memory normalised = Filled(descs.in);
  const memory unpooled = Filled(descs.in);
  const memory dx = Filled(descs.in);
  OneDnnPasses passes;
  passes.name = "onednn_nhwc";
  passes.forward = InTurn(
      {Pass(dnnl::lrn_forward(descs.lrn_forward),
            {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, normalised}, {DNNL_ARG_WORKSPACE, descs.scales}}),
       Pass(dnnl::pooling_forward(descs.pool),
            {{DNNL_ARG_SRC, normalised}, {DNNL_ARG_DST, Filled(descs.out)}, {DNNL_ARG_WORKSPACE, descs.numbers}})});
  passes.backward_data = InTurn({Pass(dnnl::pooling_backward(descs.pool_back), {{DNNL_ARG_DIFF_DST, Filled(descs.out)},
                                                                                {DNNL_ARG_WORKSPACE, descs.numbers},
                                                                                {DNNL_ARG_DIFF_SRC, unpooled}}),
                                 Pass(dnnl::lrn_backward(descs.lrn_back), {{DNNL_ARG_SRC, x},
                                                                           {DNNL_ARG_DIFF_DST, unpooled},
                                                                           {DNNL_ARG_WORKSPACE, descs.scales},
                                                                           {DNNL_ARG_DIFF_SRC, dx}}),
                                 ReluBackward(descs.in, x, dx)});
  return passes;
}

void UseOneThreadInOneDnn() { omp_set_num_threads(1); }

}  // namespace downpour::nn
