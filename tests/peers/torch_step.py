#!/usr/bin/env python3
"""A training step in PyTorch beside `downpour bench step`, on the same cores, in turns. Needs PyTorch: see README.md.

    tests/peers/torch_step.py --models=cifar10,resnet20 --lanes=1 --rounds=5 [--json]
"""

import ctypes

import step_contest

MODELS = ("cifar10", "cifar10@32x32", "resnet20", "mlp", "lenet5", "small_cnn")
VARIANTS = ("stock", "expert", "expert_bfloat16")


def keep_memory():
    """What is allocated in a step stays with the process: no page faults, which glibc's defaults pay in each step."""
    libc = ctypes.CDLL(None)
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4
    libc.mallopt(m_mmap_max, 0)
    libc.mallopt(m_trim_threshold, 2**31 - 1)
    libc.mallopt(m_top_pad, 64 << 20)


def open_step(model, variant, batch, threads):
    if variant != "stock":
        keep_memory()
    import torch
    torch.set_num_threads(threads)
    import torch_models
    return f"torch-{torch.__version__.split('+')[0]}", torch_models.make_step(model, variant, batch)


if __name__ == "__main__":
    step_contest.run(__doc__.split("\n")[0], MODELS, VARIANTS, open_step)
