#!/usr/bin/env python3
"""Writes what layers are compared with: values that PyTorch computed in float64. Needs PyTorch; no build needs this.

    python3 make_goldens.py layers > layers.txt
    python3 make_goldens.py nets > nets.txt

Nothing here looks at the C++ code: a layer is written with the function of PyTorch that documents it. Ours has images
as [batch, height, width, channels] and kernels as [height, width, channels, filters]; PyTorch has [batch, channels,
height, width] and [filters, channels, height, width]. The functions below take and give ours.

The files: a case begins with `case`, the rest in any order. Tensors are row-major, the batch in front.

    case NAME
    layer TEXTPROTO                       of LayerConfig, without name and inputs (layers.txt)
    model TEXTPROTO                       of ModelConfig (nets.txt)
    mode evaluate                         training where it is missing
    batch N
    input real LOW HIGH DIM...            of one example; what it holds: see `numbers`
    input index BOUND DIM...
    parameter NAME LOW HIGH DIM...        in the layer's order; in a net NAME is that of the table
    output VALUE...                       of a net: its first output
    loss LOSS CORRECT
    input_gradient I VALUE...             of the loss; where there is no loss, of sum(output * c), c = `numbers` of
    parameter_gradient NAME VALUE...      stream 99 in [-1, 1). Of a running statistic: what is to be subtracted from it
"""

import math
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

OUTPUT_GRADIENT_STREAM = 99
PARAMETER_STREAM = 100


def mix(x):
    """SplitMix64, so that the test makes the same numbers without storing them."""
    mask = (1 << 64) - 1
    x = (x + 0x9E3779B97F4A7C15) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return x ^ (x >> 31)


def unit(stream, k):
    """Uniform in [0, 1), a multiple of 2^-20."""
    return (mix((stream << 32) + k) >> 44) / 2.0**20


def numbers(stream, low, high, shape):
    """Element k is low + (high - low) * unit(stream, k): exact in float32 for the bounds used here. Input i is stream
    i, parameter j is stream 100 + j."""
    values = [low + (high - low) * unit(stream, k) for k in range(math.prod(shape))]
    return torch.tensor(values).reshape(shape)


def indices(stream, bound, shape):
    return torch.tensor([int(bound * unit(stream, k)) for k in range(math.prod(shape))]).reshape(shape)


class Real:
    def __init__(self, *shape, low=-1.0, high=1.0):
        self.shape, self.low, self.high = shape, low, high

    def make(self, stream, batch):
        return numbers(stream, self.low, self.high, (batch, *self.shape)).requires_grad_()

    def line(self):
        return " ".join(map(str, ["input real", f"{self.low:g}", f"{self.high:g}", *self.shape]))


class Index:
    def __init__(self, bound, *shape):
        self.bound, self.shape = bound, shape

    def make(self, stream, batch):
        return indices(stream, self.bound, (batch, *self.shape))

    def line(self):
        return " ".join(map(str, ["input index", self.bound, *self.shape]))


class Parameter(Real):
    """`state`: a running statistic, which PyTorch changes in place and has no gradient of."""

    def __init__(self, name, *shape, low=-1.0, high=1.0, state=False):
        super().__init__(*shape, low=low, high=high)
        self.name, self.state = name, state

    def make_at(self, position):
        values = numbers(PARAMETER_STREAM + position, self.low, self.high, self.shape)
        return values if self.state else values.requires_grad_()

    def line(self):
        return " ".join(map(str, ["parameter", self.name, f"{self.low:g}", f"{self.high:g}", *self.shape]))


def show(values):
    return " ".join(f"{v:.7g}" for v in values.detach().reshape(-1).tolist())


# ---- Layers as PyTorch has them, under our layout.


def channels_first(x):
    return x.permute(0, 3, 1, 2)


def channels_last(x):
    return x.permute(0, 2, 3, 1)


def same_padding(size, kernel, stride, dilation=1):
    """(before, after), as TensorFlow documents SAME: output = ceil(size / stride), an odd one goes after."""
    reach = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def pad_images(x, padding, kernel, stride, dilation=(1, 1), value=0.0):
    """Pads channels-first images: "valid", "same", or (top, bottom, left, right)."""
    if padding == "valid":
        return x
    if padding == "same":
        padding = (*same_padding(x.shape[2], kernel[0], stride[0], dilation[0]),
                   *same_padding(x.shape[3], kernel[1], stride[1], dilation[1]))
    top, bottom, left, right = padding
    return F.pad(x, (left, right, top, bottom), value=value)


def conv2d(x, w, b=None, stride=(1, 1), padding="valid", dilation=(1, 1), groups=1):
    x = pad_images(channels_first(x), padding, w.shape[:2], stride, dilation)
    return channels_last(F.conv2d(x, w.permute(3, 2, 0, 1), b, stride, 0, dilation, groups))


def max_pool(x, window, stride, padding="valid"):
    return channels_last(F.max_pool2d(pad_images(channels_first(x), padding, window, stride, value=-math.inf), window,
                                      stride))


def average_pool(x, window, stride, padding="valid", count_padding=False):
    def mean(y):
        return F.avg_pool2d(pad_images(channels_first(y), padding, window, stride), window, stride)

    return channels_last(mean(x) if count_padding else mean(x) / mean(torch.ones_like(x)))


def lrn(x, radius, bias, alpha, beta):
    """PyTorch divides alpha by the number of channels; x may have any number of axes."""
    size = 2 * radius + 1
    return F.local_response_norm(x.movedim(-1, 1), size, alpha * size, beta, bias).movedim(1, -1)


def batch_norm(x, scale, offset, mean, variance, momentum=0.1, epsilon=1e-5, training=True):
    return F.batch_norm(x.movedim(-1, 1), mean, variance, scale, offset, training, momentum, epsilon).movedim(1, -1)


def write_results(inputs, parameters, originals, specs, loss):
    """Gradients of `loss` by everything that has one, and the changes of running statistics."""
    if loss is not None:
        loss.backward()
    for i, x in enumerate(inputs):
        if x.grad is not None:
            print("input_gradient", i, show(x.grad))
    for spec, value, original in zip(specs, parameters, originals):
        if spec.state and loss is not None:
            print("parameter_gradient", spec.name, show(original - value))
        elif not spec.state and value.grad is not None:
            print("parameter_gradient", spec.name, show(value.grad))


def write_head(name, kind, text, batch, input_specs, parameter_specs):
    print("case", name)
    print(kind, text)
    print("batch", batch)
    for spec in [*input_specs, *parameter_specs]:
        print(spec.line())


def layer_case(name, text, function, input_specs, parameter_specs=(), batch=2, evaluate=False, loss=False):
    """`function` takes the inputs, then the parameters; a loss gives (loss, number correct)."""
    write_head(name, "layer", text, batch, input_specs, parameter_specs)
    inputs = [spec.make(i, batch) for i, spec in enumerate(input_specs)]
    parameters = [spec.make_at(j) for j, spec in enumerate(parameter_specs)]
    originals = [p.detach().clone() for p in parameters]
    result = function(*inputs, *parameters)
    if loss:
        total, correct = result
        print("loss", f"{total.item():.12g}", int(correct))
        # Nobody differentiates by labels and targets.
        for x in inputs[1:]:
            if x.dtype.is_floating_point:
                x.requires_grad_(False)
        inputs = inputs[:1]
    else:
        print("output", show(result))
        total = (result * numbers(OUTPUT_GRADIENT_STREAM, -1.0, 1.0, result.shape)).sum()
    if evaluate:
        print("mode evaluate")
    write_results(inputs, parameters, originals, parameter_specs, None if evaluate else total)
    print()


if __name__ == "__main__":
    sys.modules["make_goldens"] = sys.modules["__main__"]
    which = sys.argv[1] if len(sys.argv) == 2 else ""
    if which not in ("layers", "nets"):
        sys.exit(__doc__)
    version = torch.__version__.split("+")[0]
    print(f"# Made by make_goldens.py {which} with PyTorch {version}: see there for the format.\n")
    if which == "layers":
        import golden_layers
        golden_layers.write()
    else:
        import golden_nets
        golden_nets.write()
