"""The cases of layers.txt: every kind of layer with a twin in PyTorch, with every option. See make_goldens.py."""

import torch
import torch.nn.functional as F
from make_goldens import (Index, Parameter, Real, average_pool, batch_norm, channels_first, conv2d, layer_case, lrn,
                          max_pool)


def dense_cases():
    x, w, b = Real(7), Parameter("weights", 7, 5), Parameter("bias", 5)
    layer_case("dense", "dense { units: 5 }", lambda x, w, b: x @ w + b, [x], [w, b], batch=3)
    layer_case("dense_without_bias", "dense { units: 5 without_bias: true }", lambda x, w: x @ w, [x], [w], batch=3)
    layer_case("dense_of_one_example", "dense { units: 5 }", lambda x, w, b: x @ w + b, [x], [w, b], batch=1)
    layer_case("dense_wide", "dense { units: 17 }", lambda x, w, b: x @ w + b, [Real(19)],
               [Parameter("weights", 19, 17), Parameter("bias", 17)], batch=5)


def conv_case(name, text, size, kernel, channels, filters, groups=1, bias=True, batch=2, **options):
    parameters = [Parameter("weights", *kernel, channels // groups, filters)]
    if bias:
        parameters.append(Parameter("bias", filters))
    layer_case("conv2d_" + name, f"conv2d {{ filters: {filters} {text} }}",
               lambda x, *p: conv2d(x, *p, groups=groups, **options), [Real(*size, channels)], parameters, batch)


def conv2d_cases():
    conv_case("valid", "kernel: 3", (5, 6), (3, 3), 2, 3)
    conv_case("without_bias", "kernel: 3 without_bias: true", (5, 6), (3, 3), 2, 3, bias=False)
    conv_case("valid_said", "kernel: 3 padding: VALID", (4, 5), (3, 3), 2, 3)
    conv_case("pointwise", "kernel: 1", (3, 4), (1, 1), 5, 4)
    conv_case("pointwise_stride", "kernel: 1 stride: 2", (5, 4), (1, 1), 5, 4, stride=(2, 2))
    conv_case("oblong_kernel", "kernel: 2 kernel: 3", (5, 6), (2, 3), 2, 3)
    conv_case("stride", "kernel: 3 stride: 2", (7, 8), (3, 3), 2, 3, stride=(2, 2))
    conv_case("oblong_stride", "kernel: 3 stride: 2 stride: 1", (7, 5), (3, 3), 2, 3, stride=(2, 1))
    conv_case("stride_beyond_kernel", "kernel: 2 stride: 3", (8, 7), (2, 2), 2, 3, stride=(3, 3))
    conv_case("same", "kernel: 3 padding: SAME", (5, 4), (3, 3), 2, 3, padding="same")
    conv_case("same_even_kernel", "kernel: 4 padding: SAME", (5, 4), (4, 4), 2, 3, padding="same")
    conv_case("same_stride_even", "kernel: 3 stride: 2 padding: SAME", (6, 8), (3, 3), 2, 3, stride=(2, 2),
              padding="same")
    conv_case("same_stride_odd", "kernel: 3 stride: 2 padding: SAME", (7, 5), (3, 3), 2, 3, stride=(2, 2),
              padding="same")
    conv_case("same_pointwise_stride", "kernel: 1 stride: 2 padding: SAME", (5, 4), (1, 1), 3, 2, stride=(2, 2),
              padding="same")
    conv_case("same_kernel_beyond_input", "kernel: 5 padding: SAME", (3, 2), (5, 5), 2, 3, padding="same")
    conv_case("padding_one", "kernel: 3 explicit_padding: 1", (4, 5), (3, 3), 2, 3, padding=(1, 1, 1, 1))
    conv_case("padding_one_stride", "kernel: 3 stride: 2 explicit_padding: 1", (6, 6), (3, 3), 2, 3, stride=(2, 2),
              padding=(1, 1, 1, 1))
    conv_case("padding_two_numbers", "kernel: 3 explicit_padding: 2 explicit_padding: 1", (4, 5), (3, 3), 2, 3,
              padding=(2, 2, 1, 1))
    conv_case("padding_four_numbers", "kernel: 3 explicit_padding: [0, 2, 1, 3]", (4, 5), (3, 3), 2, 3,
              padding=(0, 2, 1, 3))
    conv_case("dilation", "kernel: 3 dilation: 2", (7, 6), (3, 3), 2, 3, dilation=(2, 2))
    conv_case("oblong_dilation", "kernel: 3 dilation: 1 dilation: 2", (5, 7), (3, 3), 2, 3, dilation=(1, 2))
    conv_case("dilation_same_stride", "kernel: 3 dilation: 2 stride: 2 padding: SAME", (6, 7), (3, 3), 2, 3,
              dilation=(2, 2), stride=(2, 2), padding="same")
    conv_case("groups", "kernel: 3 groups: 2", (5, 4), (3, 3), 4, 6, groups=2)
    conv_case("depthwise", "kernel: 3 groups: 4 padding: SAME", (5, 4), (3, 3), 4, 4, groups=4, padding="same")
    conv_case("depthwise_twice", "kernel: 3 groups: 3", (5, 4), (3, 3), 3, 6, groups=3)
    conv_case("groups_stride_dilation", "kernel: 2 groups: 2 stride: 2 dilation: 2 padding: SAME", (6, 5), (2, 2), 4, 2,
              groups=2, stride=(2, 2), dilation=(2, 2), padding="same")
    # Of the shapes that fast algorithms with tiles of 4x4 outputs take, with whole tiles and without.
    conv_case("same_3x3_whole_tiles", "kernel: 3 padding: SAME", (8, 8), (3, 3), 3, 4, padding="same", batch=1)
    conv_case("same_3x3_broken_tiles", "kernel: 3 padding: SAME", (9, 6), (3, 3), 3, 2, padding="same")
    conv_case("same_5x5_whole_tiles", "kernel: 5 padding: SAME", (8, 8), (5, 5), 3, 4, padding="same", batch=1)
    conv_case("same_5x5_broken_tiles", "kernel: 5 padding: SAME", (9, 7), (5, 5), 2, 3, padding="same")
    conv_case("valid_5x5", "kernel: 5", (9, 8), (5, 5), 3, 2)
    conv_case("many_channels", "kernel: 3 padding: SAME", (4, 4), (3, 3), 17, 2, padding="same", batch=1)
    conv_case("many_filters", "kernel: 3 padding: SAME", (4, 4), (3, 3), 2, 17, padding="same", batch=1)


def pool_case(name, text, size, window, stride, channels=2, batch=2, **options):
    function = average_pool if text.startswith("average") else max_pool
    layer_case(name, text, lambda x: function(x, window, stride, **options), [Real(*size, channels)], batch=batch)


def pool2d_cases():
    for kind in ("max_pool", "average_pool"):
        pool_case(f"{kind}_halving", f"{kind} {{ window: 2 }}", (4, 6), (2, 2), (2, 2))
        pool_case(f"{kind}_rest_left", f"{kind} {{ window: 2 stride: 2 }}", (5, 7), (2, 2), (2, 2))
        pool_case(f"{kind}_overlapping", f"{kind} {{ window: 3 stride: 2 }}", (7, 5), (3, 3), (2, 2))
        pool_case(f"{kind}_oblong", f"{kind} {{ window: [3, 2] stride: [1, 2] }}", (5, 6), (3, 2), (1, 2))
        pool_case(f"{kind}_same_even", f"{kind} {{ window: 3 stride: 2 padding: SAME }}", (6, 8), (3, 3), (2, 2),
                  padding="same")
        pool_case(f"{kind}_same_odd", f"{kind} {{ window: 3 stride: 2 padding: SAME }}", (7, 5), (3, 3), (2, 2),
                  padding="same")
        pool_case(f"{kind}_same_stride_1", f"{kind} {{ window: 3 stride: 1 padding: SAME }}", (4, 5), (3, 3), (1, 1),
                  padding="same")
        pool_case(f"{kind}_same_2_of_odd", f"{kind} {{ window: 2 padding: SAME }}", (5, 7), (2, 2), (2, 2),
                  padding="same")
        pool_case(f"{kind}_padding_one", f"{kind} {{ window: 3 stride: 2 explicit_padding: 1 }}", (6, 7), (3, 3),
                  (2, 2), padding=(1, 1, 1, 1))
        pool_case(f"{kind}_padding_four", f"{kind} {{ window: 3 stride: 2 explicit_padding: [0, 1, 2, 0] }}", (6, 7),
                  (3, 3), (2, 2), padding=(0, 1, 2, 0))
        pool_case(f"{kind}_many_channels", f"{kind} {{ window: 3 stride: 2 padding: SAME }}", (4, 4), (3, 3), (2, 2),
                  channels=21, batch=1, padding="same")
    for padding, text in (("same", "padding: SAME"), ((1, 1, 1, 1), "explicit_padding: 1")):
        name = "same" if padding == "same" else "padding_one"
        pool_case(f"average_pool_counting_{name}", f"average_pool {{ window: 3 stride: 2 {text} count_padding: true }}",
                  (6, 7), (3, 3), (2, 2), padding=padding, count_padding=True)
    layer_case("global_pool_average", "global_pool {}", lambda x: x.mean((1, 2)), [Real(4, 5, 3)])
    layer_case("global_pool_max", "global_pool { kind: MAX }",
               lambda x: F.adaptive_max_pool2d(channels_first(x), 1).flatten(1), [Real(4, 5, 3)])


def activation_cases():
    x = Real(5, 7, low=-3.0, high=3.0)
    for name, text, function in (
        ("relu", "relu {}", F.relu),
        ("leaky_relu", "leaky_relu {}", F.leaky_relu),
        ("leaky_relu_slope", "leaky_relu { slope: 0.25 }", lambda x: F.leaky_relu(x, 0.25)),
        ("gelu", "gelu {}", F.gelu),
        ("gelu_approximate", "gelu { approximate: true }", lambda x: F.gelu(x, approximate="tanh")),
        ("tanh", "tanh {}", torch.tanh),
        ("sigmoid", "sigmoid {}", torch.sigmoid),
        ("softmax", "softmax {}", lambda x: F.softmax(x, -1)),
    ):
        layer_case(name, text, function, [x])
    # Far from 0, where careless formulas overflow or cancel.
    far = Real(4, 5, low=-96.0, high=96.0)
    for name, function in (("tanh", torch.tanh), ("sigmoid", torch.sigmoid), ("softmax", lambda x: F.softmax(x, -1)),
                           ("gelu", F.gelu)):
        layer_case(f"{name}_far_from_0", f"{name} {{}}", function, [far])
    layer_case("softmax_of_17", "softmax {}", lambda x: F.softmax(x, -1), [Real(17, low=-3.0, high=3.0)], batch=3)


def normalisation_cases():
    layer_case("lrn_defaults", "lrn {}", lambda x: lrn(x, 5, 1.0, 1.0, 0.5), [Real(2, 3, 13)])
    layer_case("lrn_cifar10", "lrn { radius: 4 bias: 1 alpha: 0.000111111111111111 beta: 0.75 }",
               lambda x: lrn(x, 4, 1.0, 0.000111111111111111, 0.75), [Real(2, 2, 16, low=-8.0, high=8.0)])
    layer_case("lrn_options", "lrn { radius: 2 bias: 2 alpha: 0.5 beta: 0.75 }", lambda x: lrn(x, 2, 2.0, 0.5, 0.75),
               [Real(2, 3, 7)])
    layer_case("lrn_other_beta", "lrn { radius: 1 bias: 1.5 alpha: 0.25 beta: 0.6 }",
               lambda x: lrn(x, 1, 1.5, 0.25, 0.6), [Real(2, 3, 5)])
    layer_case("lrn_radius_beyond_channels", "lrn { radius: 4 alpha: 0.5 }", lambda x: lrn(x, 4, 1.0, 0.5, 0.5),
               [Real(2, 2, 3)])
    layer_case("lrn_radius_0", "lrn { radius: 0 alpha: 0.5 }", lambda x: lrn(x, 0, 1.0, 0.5, 0.5), [Real(2, 2, 3)])

    def parameters(channels, scale=True, offset=True):
        trained = [Parameter("scale", channels, low=0.5, high=1.5)] * scale + [Parameter("offset", channels)] * offset
        return trained + [Parameter("mean", channels, state=True),
                          Parameter("variance", channels, low=0.5, high=1.5, state=True)]

    image = Real(3, 4, 3, low=-2.0, high=2.0)
    layer_case("batch_norm", "batch_norm {}", batch_norm, [image], parameters(3))
    layer_case("batch_norm_options", "batch_norm { momentum: 0.25 epsilon: 0.001 }",
               lambda *t: batch_norm(*t, momentum=0.25, epsilon=0.001), [image], parameters(3))
    layer_case("batch_norm_momentum_1", "batch_norm { momentum: 1 }", lambda *t: batch_norm(*t, momentum=1.0), [image],
               parameters(3))
    layer_case("batch_norm_without_scale", "batch_norm { without_scale: true }",
               lambda x, o, m, v: batch_norm(x, None, o, m, v), [image], parameters(3, scale=False))
    layer_case("batch_norm_without_offset", "batch_norm { without_offset: true }",
               lambda x, s, m, v: batch_norm(x, s, None, m, v), [image], parameters(3, offset=False))
    layer_case("batch_norm_without_both", "batch_norm { without_scale: true without_offset: true }",
               lambda x, m, v: batch_norm(x, None, None, m, v), [image], parameters(3, False, False))
    layer_case("batch_norm_of_rows", "batch_norm {}", batch_norm, [Real(19)], parameters(19), batch=5)
    layer_case("batch_norm_evaluation", "batch_norm {}", lambda *t: batch_norm(*t, training=False), [image],
               parameters(3), evaluate=True)
    layer_case("batch_norm_evaluation_epsilon", "batch_norm { epsilon: 0.01 without_offset: true }",
               lambda x, s, m, v: batch_norm(x, s, None, m, v, epsilon=0.01, training=False), [image],
               parameters(3, offset=False), evaluate=True)

    def layer_norm(shape, scale=True, offset=True, **options):
        def function(x, *trained):
            trained = list(trained)
            s = trained.pop(0) if scale else None
            return F.layer_norm(x, shape, s, trained.pop(0) if offset else None, **options)

        return function, [Parameter("scale", *shape)] * scale + [Parameter("offset", *shape)] * offset

    for name, text, shape, options in (
        ("layer_norm", "layer_norm {}", (6,), {}),
        ("layer_norm_2_axes", "layer_norm { axes: 2 }", (4, 6), {}),
        ("layer_norm_3_axes_epsilon", "layer_norm { axes: 3 epsilon: 0.01 }", (3, 4, 6), {"eps": 0.01}),
        ("layer_norm_without_scale", "layer_norm { without_scale: true }", (6,), {"scale": False}),
        ("layer_norm_without_offset", "layer_norm { without_offset: true }", (6,), {"offset": False}),
    ):
        function, specs = layer_norm(shape, **options)
        layer_case(name, text, function, [Real(3, 4, 6, low=-2.0, high=2.0)], specs)


def wiring_cases():
    a, b, c = Real(3, 2, 5), Real(3, 2, 5), Real(3, 2, 5)
    layer_case("add", "add {}", lambda a, b: a + b, [a, b])
    layer_case("add_three", "add {}", lambda a, b, c: a + b + c, [a, b, c])
    layer_case("multiply", "multiply {}", lambda a, b: a * b, [a, b])
    layer_case("multiply_three", "multiply {}", lambda a, b, c: a * b * c, [a, b, c])
    layer_case("concat", "concat {}", lambda a, b: torch.cat([a, b], -1), [Real(3, 2, 5), Real(3, 2, 3)])
    layer_case("concat_three_rows", "concat {}", lambda *t: torch.cat(t, -1), [Real(4), Real(1), Real(3)])
    layer_case("concat_axis_0", "concat { axis: 0 }", lambda a, b: torch.cat([a, b], 1), [Real(3, 2, 5), Real(1, 2, 5)])
    layer_case("concat_axis_1", "concat { axis: 1 }", lambda a, b: torch.cat([a, b], 2), [Real(3, 2, 5), Real(3, 4, 5)])
    layer_case("concat_axis_minus_2", "concat { axis: -2 }", lambda a, b: torch.cat([a, b], 2),
               [Real(3, 2, 5), Real(3, 1, 5)])
    # Nine numbers out of five rows: some come twice, and their gradients add up.
    layer_case("embedding", "embedding { rows: 5 width: 3 }", F.embedding, [Index(5, 3)], [Parameter("weights", 5, 3)],
               batch=3)
    layer_case("embedding_of_one_number", "embedding { rows: 7 width: 4 }", F.embedding, [Index(7)],
               [Parameter("weights", 7, 4)], batch=4)
    layer_case("dropout_evaluation", "dropout { rate: 0.5 }", lambda x: F.dropout(x, 0.5, False), [Real(3, 4)],
               evaluate=True)
    layer_case("dropout_rate_0", "dropout { rate: 0 }", lambda x: x * 1.0, [Real(3, 4)])


def loss_cases():
    def softmax(smoothing=0.0, weight=1.0):
        def function(logits, labels):
            loss = weight * F.cross_entropy(logits, labels, label_smoothing=smoothing)
            return loss, (logits.argmax(-1) == labels).sum()

        return function

    logits, labels = Real(5, low=-3.0, high=3.0), Index(5)
    name = "softmax_cross_entropy"
    layer_case(name, f"{name} {{}}", softmax(), [logits, labels], batch=9, loss=True)
    layer_case(f"{name}_smoothing", f"{name} {{ label_smoothing: 0.1 }}", softmax(0.1), [logits, labels], batch=9,
               loss=True)
    layer_case(f"{name}_weight", f"{name} {{ label_smoothing: 0.3 weight: 0.25 }}", softmax(0.3, 0.25),
               [logits, labels], batch=9, loss=True)
    layer_case(f"{name}_far_from_0", f"{name} {{}}", softmax(), [Real(5, low=-96.0, high=96.0), labels], batch=9,
               loss=True)
    layer_case(f"{name}_of_one_example", f"{name} {{}}", softmax(), [Real(19, low=-3.0, high=3.0), Index(19)], batch=1,
               loss=True)

    def sigmoid(weight=1.0):
        def function(logits, labels):
            labels = labels.detach()
            right = ((logits > 0) == (labels > 0.5)).reshape(len(logits), -1)
            return weight * F.binary_cross_entropy_with_logits(logits, labels), right.all(-1).sum()

        return function

    name = "sigmoid_cross_entropy"
    labels = Real(2, low=0.0, high=1.0)
    layer_case(name, f"{name} {{}}", sigmoid(), [Real(2, low=-3.0, high=3.0), labels], batch=9, loss=True)
    layer_case(f"{name}_of_one_number", f"{name} {{}}", sigmoid(), [Real(low=-3.0, high=3.0), Real(low=0.0, high=1.0)],
               batch=9, loss=True)
    layer_case(f"{name}_weight", f"{name} {{ weight: 3 }}", sigmoid(3.0), [Real(2, low=-3.0, high=3.0), labels],
               batch=9, loss=True)
    layer_case(f"{name}_far_from_0", f"{name} {{}}", sigmoid(), [Real(2, low=-96.0, high=96.0), labels], batch=9,
               loss=True)

    def squares(weight=1.0):
        return lambda values, targets: (weight * F.mse_loss(values, targets.detach()), 0)

    name = "mean_squared_error"
    layer_case(name, f"{name} {{}}", squares(), [Real(3, 2), Real(3, 2)], batch=4, loss=True)
    layer_case(f"{name}_weight", f"{name} {{ weight: 0.5 }}", squares(0.5), [Real(5), Real(5)], batch=3, loss=True)
    layer_case(f"{name}_of_one_number", f"{name} {{}}", squares(), [Real(), Real()], batch=3, loss=True)


def write():
    dense_cases()
    conv2d_cases()
    pool2d_cases()
    activation_cases()
    normalisation_cases()
    wiring_cases()
    loss_cases()
