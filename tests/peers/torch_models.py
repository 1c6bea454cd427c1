"""The shipped models as PyTorch users write them, and as those who know its CPU backend do. See README.md.

Stock: NCHW, the modules of torch.nn. Expert: channels-last memory, local response normalisation as a convolution with a
banded 1x1 kernel (oneDNN's own is slow in training), the fused optimizer.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F


class BandedNorm(nn.Module):
    """nn.LocalResponseNorm: the sum over neighbouring channels is a 1x1 convolution with a banded matrix."""

    def __init__(self, channels, radius, alpha, beta, bias):
        super().__init__()
        assert beta == 0.75
        i = torch.arange(channels)
        near = ((i[:, None] - i[None, :]).abs() <= radius).float() * alpha
        self.register_buffer("band", near.reshape(channels, channels, 1, 1))
        self.register_buffer("bias", torch.full((channels,), float(bias)))

    def forward(self, x):
        scale = F.conv2d(x * x, self.band, self.bias)
        return x * torch.rsqrt(scale * torch.sqrt(scale))


class Cifar10(nn.Module):
    def __init__(self, size, expert):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 5, padding=2)
        self.conv2 = nn.Conv2d(64, 64, 5, padding=2)
        side = -(-(-(-size // 2)) // 2)
        self.dense3 = nn.Linear(side * side * 64, 384)
        self.dense4 = nn.Linear(384, 192)
        self.logits = nn.Linear(192, 10)
        # PyTorch divides alpha by the number of channels, 9.
        self.norm = BandedNorm(64, 4, 0.001 / 9, 0.75, 1) if expert else nn.LocalResponseNorm(9, 0.001, 0.75, 1.0)
        # For even sizes, TensorFlow's SAME with a window of 3 and stride 2 is what ceil_mode does, without padding.
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)

    def forward(self, x):
        x = self.norm(self.pool(F.relu(self.conv1(x))))
        x = self.pool(self.norm(F.relu(self.conv2(x))))
        x = F.relu(self.dense3(x.flatten(1)))
        return self.logits(F.relu(self.dense4(x)))

    def decayed(self):
        return [self.dense3.weight, self.dense4.weight]


class Block(nn.Module):
    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.a = nn.Conv2d(inputs, filters, 3, stride, 1, bias=False)
        self.a_norm = nn.BatchNorm2d(filters)
        self.b = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.b_norm = nn.BatchNorm2d(filters)
        self.shortcut = nn.Identity()
        if stride != 1:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))

    def forward(self, x):
        y = F.relu(self.a_norm(self.a(x)))
        return F.relu(self.b_norm(self.b(y)) + self.shortcut(x))


def resnet20(size, expert):
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    inputs = 16
    for filters in (16, 32, 64):
        for block in range(3):
            layers.append(Block(inputs, filters, 2 if filters > 16 and block == 0 else 1))
            inputs = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def lenet5(size, expert):
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))


def small_cnn(size, expert):
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Dropout(0.25), nn.Linear(128, 10))


def mlp(size, expert):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.2), nn.Linear(512, 512), nn.ReLU(),
                         nn.Dropout(0.2), nn.Linear(512, 10))


class WideDeep(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = nn.Linear(13, 1, bias=False)
        self.deep = nn.Sequential(nn.Linear(13, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 64),
                                  nn.ReLU(), nn.Linear(64, 1))

    def forward(self, x):
        return (self.wide(x) + self.deep(x)).squeeze(1)


# Name: (network of (image size, expert), shape of an example, parameters, as downpour counts them).
MODELS = {
    "cifar10": (Cifar10, (3, 24, 24), 1_068_298),
    "cifar10@32x32": (Cifar10, (3, 32, 32), 1_756_426),
    "resnet20": (resnet20, (3, 32, 32), 272_474),
    "lenet5": (lenet5, (1, 28, 28), 61_706),
    "small_cnn": (small_cnn, (1, 28, 28), 421_642),
    "mlp": (mlp, (1, 28, 28), 669_706),
    "wide_deep": (lambda size, expert: WideDeep(), (13,), 44_814),
}


def make_step(name, variant, batch, wrap=lambda net: net):
    """A function that does one training step on a fixed batch: forward, backward, SGD. `wrap` may put something around
    the network, like DistributedDataParallel."""
    make, shape, parameters = MODELS[name]
    expert = variant != "stock"
    torch.manual_seed(0)
    net = make(shape[-1], expert)
    count = sum(p.numel() for p in net.parameters())
    if count != parameters:
        raise SystemExit(f"{name} has {count} parameters here and {parameters} in downpour: not the same network")
    x = torch.randn(batch, *shape)
    labels = torch.randint(0, 10, (batch,))
    loss_of = F.cross_entropy
    if name == "wide_deep":
        labels = labels.remainder(2).float()
        loss_of = F.binary_cross_entropy_with_logits
    if expert and len(shape) == 3:
        net = net.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)

    decayed = net.decayed() if hasattr(net, "decayed") else []
    rest = [p for p in net.parameters() if not any(p is d for d in decayed)]
    groups = [{"params": rest}] + ([{"params": decayed, "weight_decay": 0.004}] if decayed else [])
    optimizer = torch.optim.SGD(groups, lr=0.01, fused=expert or None)
    net = wrap(net)
    bfloat16 = variant == "expert_bfloat16"

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            output = net(x)
        loss = loss_of(output.float(), labels)
        loss.backward()
        optimizer.step()

    return step
