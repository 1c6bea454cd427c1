"""The cases of nets.txt: two whole nets, with outputs, losses and all gradients of parameters. See make_goldens.py."""

import torch
import torch.nn.functional as F
from make_goldens import (Index, Parameter, Real, average_pool, batch_norm, conv2d, lrn, max_pool, show, write_head,
                          write_results)


def net_case(name, model, function, input_specs, parameter_specs, batch):
    """`function` takes the inputs, then the parameters by name; it gives (output, loss, number correct)."""
    write_head(name, "model", " ".join(model.split()), batch, input_specs, parameter_specs)
    inputs = [spec.make(i, batch) for i, spec in enumerate(input_specs)]
    parameters = [spec.make_at(j) for j, spec in enumerate(parameter_specs)]
    originals = [p.detach().clone() for p in parameters]
    output, loss, correct = function(*inputs, {spec.name: p for spec, p in zip(parameter_specs, parameters)})
    print("output", show(output))
    print("loss", f"{loss.item():.12g}", int(correct))
    write_results([], parameters, originals, parameter_specs, loss)
    print()


def images_case():
    """The reference network's pattern, small: convolution, relu, pool and norm in both orders, dense layers."""
    model = """
      input { name: "images" shape: [12, 10, 2] }
      input { name: "labels" dtype: INT32 }
      layer { name: "conv1" input: "images" conv2d { filters: 6 kernel: 5 padding: SAME } }
      layer { name: "relu1" relu {} }
      layer { name: "pool1" max_pool { window: 3 stride: 2 padding: SAME } }
      layer { name: "norm1" lrn { radius: 2 bias: 1 alpha: 0.03125 beta: 0.75 } }
      layer { name: "conv2" conv2d { filters: 4 kernel: 3 padding: SAME } }
      layer { name: "relu2" relu {} }
      layer { name: "norm2" lrn { radius: 2 bias: 1 alpha: 0.03125 beta: 0.75 } }
      layer { name: "pool2" max_pool { window: 3 stride: 2 padding: SAME } }
      layer { name: "flat" flatten {} }
      layer { name: "dense3" dense { units: 8 } }
      layer { name: "relu3" relu {} }
      layer { name: "logits" dense { units: 5 } }
      layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy { label_smoothing: 0.1 } }
    """
    specs = [
        Parameter("conv1/weights", 5, 5, 2, 6, low=-0.25, high=0.25), Parameter("conv1/bias", 6, low=-0.25, high=0.25),
        Parameter("conv2/weights", 3, 3, 6, 4, low=-0.25, high=0.25), Parameter("conv2/bias", 4, low=-0.25, high=0.25),
        Parameter("dense3/weights", 36, 8, low=-0.25, high=0.25), Parameter("dense3/bias", 8, low=0, high=0.5),
        Parameter("logits/weights", 8, 5), Parameter("logits/bias", 5),
    ]

    def function(images, labels, p):
        def norm(x):
            return lrn(x, 2, 1.0, 0.03125, 0.75)

        x = F.relu(conv2d(images, p["conv1/weights"], p["conv1/bias"], padding="same"))
        x = norm(max_pool(x, (3, 3), (2, 2), "same"))
        x = F.relu(conv2d(x, p["conv2/weights"], p["conv2/bias"], padding="same"))
        x = max_pool(norm(x), (3, 3), (2, 2), "same").flatten(1)
        x = F.relu(x @ p["dense3/weights"] + p["dense3/bias"])
        logits = x @ p["logits/weights"] + p["logits/bias"]
        return (logits, F.cross_entropy(logits, labels, label_smoothing=0.1), (logits.argmax(-1) == labels).sum())

    net_case("images", model, function, [Real(12, 10, 2), Index(5)], specs, batch=6)


def branches_case():
    """What the first one lacks: branches that meet, batch and layer norm, an embedding, two losses on shared layers."""
    model = """
      input { name: "images" shape: [7, 8, 3] }
      input { name: "words" shape: 4 dtype: INT32 }
      input { name: "labels" dtype: INT32 }
      input { name: "targets" shape: 2 }
      output: "logits"
      layer {
        name: "stem"
        input: "images"
        conv2d { filters: 4 kernel: 3 stride: 2 explicit_padding: 1 without_bias: true }
      }
      layer { name: "stem.norm" batch_norm {} }
      layer { name: "stem.relu" relu {} }
      layer { name: "branch.a" conv2d { filters: 4 kernel: 3 padding: SAME groups: 2 } }
      layer { name: "branch.norm" batch_norm { momentum: 0.25 } }
      layer { name: "sum" input: "branch.norm" input: "stem.relu" add {} }
      layer { name: "sum.act" leaky_relu { slope: 0.125 } }
      layer { name: "narrow" average_pool { window: 3 stride: 1 padding: SAME } }
      layer { name: "both" input: "sum.act" input: "narrow" concat {} }
      layer { name: "pooled" global_pool {} }
      layer { name: "rows" input: "words" embedding { rows: 6 width: 3 } }
      layer { name: "rows.flat" flatten {} }
      layer { name: "rows.norm" layer_norm {} }
      layer { name: "joined" input: "pooled" input: "rows.norm" concat {} }
      layer { name: "hidden" dense { units: 6 } }
      layer { name: "hidden.act" gelu {} }
      layer { name: "gate.in" input: "joined" dense { units: 6 } }
      layer { name: "gate" sigmoid {} }
      layer { name: "gated" input: "hidden.act" input: "gate" multiply {} }
      layer { name: "logits" dense { units: 4 } }
      layer { name: "guess" input: "gated" dense { units: 2 without_bias: true } }
      layer { name: "guess.act" tanh {} }
      layer { name: "classes" input: "logits" input: "labels" softmax_cross_entropy {} }
      layer { name: "distance" input: "guess.act" input: "targets" mean_squared_error { weight: 0.5 } }
    """

    def state(name, channels):
        return [Parameter(f"{name}/scale", channels, low=0.5, high=1.5), Parameter(f"{name}/offset", channels),
                Parameter(f"{name}/mean", channels, state=True),
                Parameter(f"{name}/variance", channels, low=0.5, high=1.5, state=True)]

    specs = [
        Parameter("stem/weights", 3, 3, 3, 4, low=-0.5, high=0.5), *state("stem.norm", 4),
        Parameter("branch.a/weights", 3, 3, 2, 4, low=-0.5, high=0.5), Parameter("branch.a/bias", 4),
        *state("branch.norm", 4),
        Parameter("rows/weights", 6, 3), Parameter("rows.norm/scale", 12, low=0.5, high=1.5),
        Parameter("rows.norm/offset", 12),
        Parameter("hidden/weights", 20, 6, low=-0.5, high=0.5), Parameter("hidden/bias", 6),
        Parameter("gate.in/weights", 20, 6, low=-0.5, high=0.5), Parameter("gate.in/bias", 6),
        Parameter("logits/weights", 6, 4), Parameter("logits/bias", 4), Parameter("guess/weights", 6, 2),
    ]

    def function(images, words, labels, targets, p):
        def norm(x, name, **options):
            return batch_norm(x, *(p[f"{name}/{part}"] for part in ("scale", "offset", "mean", "variance")), **options)

        stem = F.relu(norm(conv2d(images, p["stem/weights"], stride=(2, 2), padding=(1, 1, 1, 1)), "stem.norm"))
        branch = conv2d(stem, p["branch.a/weights"], p["branch.a/bias"], padding="same", groups=2)
        total = F.leaky_relu(norm(branch, "branch.norm", momentum=0.25) + stem, 0.125)
        pooled = torch.cat([total, average_pool(total, (3, 3), (1, 1), "same")], -1).mean((1, 2))
        rows = F.layer_norm(F.embedding(words, p["rows/weights"]).flatten(1), (12,), p["rows.norm/scale"],
                            p["rows.norm/offset"])
        joined = torch.cat([pooled, rows], -1)
        gated = (F.gelu(joined @ p["hidden/weights"] + p["hidden/bias"]) *
                 torch.sigmoid(joined @ p["gate.in/weights"] + p["gate.in/bias"]))
        logits = gated @ p["logits/weights"] + p["logits/bias"]
        loss = (F.cross_entropy(logits, labels) +
                0.5 * F.mse_loss(torch.tanh(gated @ p["guess/weights"]), targets.detach()))
        return logits, loss, (logits.argmax(-1) == labels).sum()

    net_case("branches", model, function, [Real(7, 8, 3), Index(6, 4), Index(4), Real(2)], specs, batch=5)


def write():
    images_case()
    branches_case()
