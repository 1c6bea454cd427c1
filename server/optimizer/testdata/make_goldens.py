#!/usr/bin/env python3
"""Writes goldens.txt, what golden_test.cc compares the optimizers with. Needs PyTorch and NumPy; no build needs this.

    python3 make_goldens.py > goldens.txt

PyTorch computes in float32 on the CPU, element by element as torch.optim documents it (foreach=False). What PyTorch
does not have (LAMB, FTRL, the moving average, delay compensation) is computed here in double precision from the
formulas of the papers, written out plainly and without looking at the C++ code.

The file: `#` lines are remarks. An optimizer case is

    case NAME
    config TEXTPROTO                  of OptimizerConfig
    gradient SCALE PERIOD             see `gradients`
    zero_weights                      optional: the weights start at zero, not from `initial_weights`
    pulled_lag N                      optional: gradients were computed from the weights N updates earlier
    weight STEP VALUE...              the weights after STEP updates
    average STEP VALUE...             their moving average

and a schedule case is

    schedule NAME
    config TEXTPROTO                  of ScheduleConfig
    base RATE
    rate STEP VALUE...                the rates of STEP, STEP + 1, ...
"""

import math
import sys

import numpy as np
import torch

COUNT = 37
STEPS = 50
REPORTED = (1, 2, 10, 50)


def mix(x):
    """SplitMix64, so that the test makes the same numbers without storing them."""
    mask = (1 << 64) - 1
    x = (x + 0x9E3779B97F4A7C15) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return x ^ (x >> 31)


def unit(x):
    """Uniform in [0, 1), a multiple of 2^-20."""
    return (mix(x) >> 44) / 2.0**20


def initial_weights():
    """Of size 1 to 2 and either sign: far from zero, so that a relative error means something."""
    return np.array([(1 + unit(i)) * (-1 if i % 2 else 1) for i in range(COUNT)], np.float32)


def gradients(scale, period):
    """One row for each step: scale * 2^(i % 4 - 2) * (uniform in [-0.25, 0.75)), exact in float32 for a power of two.

    Signed so that the weights drift away from zero. Every PERIOD-th element has no gradient at all, to see that nothing
    divides by zero.
    """
    rows = np.zeros((STEPS, COUNT), np.float32)
    for step in range(STEPS):
        for i in range(COUNT):
            if period and i % period == period - 1:
                continue
            size = scale * 2.0 ** (i % 4 - 2) * (unit(1000 + step * COUNT + i) - 0.25)
            rows[step, i] = size if i % 2 else -size
    return rows


def text(values, digits):
    return " ".join(f"{v:.{digits}g}" for v in values)


def emit(name, config, scale, period, weights, averages=(), lag=0):
    print(f"case {name}\nconfig {config}\ngradient {scale!r} {period}")
    if not np.any(weights[0]):
        print("zero_weights")
    if lag:
        print(f"pulled_lag {lag}")
    for step in REPORTED:
        print(f"weight {step} {text(weights[step], 9)}")
        if len(averages):
            print(f"average {step} {text(averages[step], 9)}")


def run_torch(make, scale, period, scheduler=None, clip_norm=None, clip_value=None):
    """The weights after 0, 1, ... STEPS updates."""
    w = torch.nn.Parameter(torch.from_numpy(initial_weights()))
    optimizer = make([w])
    schedule = scheduler(optimizer) if scheduler else None
    history = [w.detach().numpy().copy()]
    for row in gradients(scale, period):
        w.grad = torch.from_numpy(row.copy())
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_([w], clip_norm, foreach=False)
        if clip_value is not None:
            torch.nn.utils.clip_grad_value_([w], clip_value, foreach=False)
        optimizer.step()
        if schedule:
            schedule.step()
        history.append(w.detach().numpy().copy())
    return history


def torch_case(name, config, make, scale=1.0, period=7, **rest):
    emit(name, config, scale, period, run_torch(make, scale, period, **rest))


def optim(cls, **arguments):
    return lambda parameters: cls(parameters, foreach=False, **arguments)


def torch_cases():
    o = torch.optim
    # ---- SGD
    torch_case("sgd_defaults", "sgd {}", optim(o.SGD), scale=4.0)
    torch_case("sgd", "sgd { learning_rate: 0.1 }", optim(o.SGD, lr=0.1))
    torch_case("sgd_weight_decay", "sgd { learning_rate: 0.05 } weight_decay: 0.3", optim(o.SGD, lr=0.05, weight_decay=0.3))
    torch_case("momentum_defaults", "momentum {}", optim(o.SGD, momentum=0.9))
    torch_case("momentum", "momentum { learning_rate: 0.02 momentum: 0.8 }", optim(o.SGD, lr=0.02, momentum=0.8))
    torch_case("momentum_zero", "momentum { learning_rate: 0.05 momentum: 0 }", optim(o.SGD, lr=0.05))
    torch_case("momentum_dampening", "momentum { learning_rate: 0.05 momentum: 0.9 dampening: 0.6 }",
               optim(o.SGD, lr=0.05, momentum=0.9, dampening=0.6))
    torch_case("momentum_weight_decay", "momentum { learning_rate: 0.01 momentum: 0.9 } weight_decay: 0.2",
               optim(o.SGD, lr=0.01, momentum=0.9, weight_decay=0.2))
    torch_case("nesterov_defaults", "nesterov {}", optim(o.SGD, momentum=0.9, nesterov=True))
    torch_case("nesterov", "nesterov { learning_rate: 0.02 momentum: 0.8 }", optim(o.SGD, lr=0.02, momentum=0.8, nesterov=True))
    torch_case("nesterov_weight_decay", "nesterov { learning_rate: 0.01 momentum: 0.9 } weight_decay: 0.2",
               optim(o.SGD, lr=0.01, momentum=0.9, nesterov=True, weight_decay=0.2))
    # ---- Adagrad
    torch_case("adagrad_defaults", "adagrad {}", optim(o.Adagrad))
    torch_case("adagrad", "adagrad { learning_rate: 0.05 learning_rate_decay: 0.1 initial_accumulator_value: 0.25 eps: 0.125 }",
               optim(o.Adagrad, lr=0.05, lr_decay=0.1, initial_accumulator_value=0.25, eps=0.125))
    torch_case("adagrad_weight_decay", "adagrad { learning_rate: 0.02 eps: 0.01 } weight_decay: 0.1",
               optim(o.Adagrad, lr=0.02, eps=0.01, weight_decay=0.1))
    # ---- RMSprop
    torch_case("rmsprop_defaults", "rmsprop {}", optim(o.RMSprop))
    torch_case("rmsprop", "rmsprop { learning_rate: 0.02 alpha: 0.9 eps: 0.0625 }",
               optim(o.RMSprop, lr=0.02, alpha=0.9, eps=0.0625))
    torch_case("rmsprop_slow", "rmsprop { learning_rate: 0.002 alpha: 0.999 eps: 0.01 }",
               optim(o.RMSprop, lr=0.002, alpha=0.999, eps=0.01))
    torch_case("rmsprop_momentum", "rmsprop { learning_rate: 0.002 alpha: 0.95 eps: 0.01 momentum: 0.9 }",
               optim(o.RMSprop, lr=0.002, alpha=0.95, eps=0.01, momentum=0.9))
    torch_case("rmsprop_centered", "rmsprop { learning_rate: 0.01 alpha: 0.9 eps: 0.0625 centered: true }",
               optim(o.RMSprop, lr=0.01, alpha=0.9, eps=0.0625, centered=True))
    torch_case("rmsprop_centered_momentum_weight_decay",
               "rmsprop { learning_rate: 0.002 alpha: 0.95 eps: 0.1 momentum: 0.8 centered: true } weight_decay: 0.1",
               optim(o.RMSprop, lr=0.002, alpha=0.95, eps=0.1, momentum=0.8, centered=True, weight_decay=0.1))
    # ---- Adam, AdamW
    torch_case("adam_defaults", "adam {}", optim(o.Adam))
    torch_case("adam_large_rate", "adam { learning_rate: 0.02 }", optim(o.Adam, lr=0.02))
    torch_case("adam", "adam { learning_rate: 0.02 beta1: 0.8 beta2: 0.95 eps: 0.0625 }",
               optim(o.Adam, lr=0.02, betas=(0.8, 0.95), eps=0.0625))
    torch_case("adam_tiny_gradients", "adam { learning_rate: 0.05 eps: 1e-5 }", optim(o.Adam, lr=0.05, eps=1e-5), scale=2.0**-16)
    torch_case("adam_weight_decay", "adam { learning_rate: 0.01 eps: 0.001 } weight_decay: 0.1",
               optim(o.Adam, lr=0.01, eps=0.001, weight_decay=0.1))
    torch_case("adamw_defaults", "adamw {}", optim(o.AdamW))
    torch_case("adamw", "adamw { learning_rate: 0.02 beta1: 0.85 beta2: 0.98 eps: 0.01 } weight_decay: 0.3",
               optim(o.AdamW, lr=0.02, betas=(0.85, 0.98), eps=0.01, weight_decay=0.3))
    torch_case("adamw_without_decay", "adamw { learning_rate: 0.02 } weight_decay: 0", optim(o.AdamW, lr=0.02, weight_decay=0))
    # ---- Default epsilons, which only tiny gradients can tell
    torch_case("adagrad_default_eps", "adagrad { learning_rate: 0.05 }", optim(o.Adagrad, lr=0.05), scale=2.0**-32)
    torch_case("rmsprop_default_eps", "rmsprop { learning_rate: 0.02 }", optim(o.RMSprop, lr=0.02), scale=2.0**-26)
    torch_case("adam_default_eps", "adam { learning_rate: 0.05 }", optim(o.Adam, lr=0.05), scale=2.0**-26)
    torch_case("adamw_default_eps", "adamw { learning_rate: 0.05 }", optim(o.AdamW, lr=0.05), scale=2.0**-26)
    # ---- Clipping
    torch_case("clip_value", "sgd { learning_rate: 0.1 } clipping { by_value: 0.25 }", optim(o.SGD, lr=0.1), clip_value=0.25)
    torch_case("clip_value_weight_decay", "sgd { learning_rate: 0.05 } weight_decay: 0.3 clipping { by_value: 0.25 }",
               optim(o.SGD, lr=0.05, weight_decay=0.3), clip_value=0.25)
    torch_case("clip_norm", "momentum { learning_rate: 0.05 momentum: 0.5 } weight_decay: 0.05 clipping { by_table_norm: 2.5 }",
               optim(o.SGD, lr=0.05, momentum=0.5, weight_decay=0.05), clip_norm=2.5)
    torch_case("clip_small_norm", "sgd { learning_rate: 1000 } clipping { by_table_norm: 0.0001 }", optim(o.SGD, lr=1000),
               scale=2.0**-14, clip_norm=0.0001)
    torch_case("clip_both", "adam { learning_rate: 0.02 eps: 0.05 } clipping { by_value: 0.4 by_table_norm: 3 }",
               optim(o.Adam, lr=0.02, eps=0.05), clip_norm=3, clip_value=0.4)
    # ---- A schedule that drives an optimizer
    s = torch.optim.lr_scheduler
    torch_case("momentum_step", "momentum { learning_rate: 0.02 } schedule { step { milestones: 5 milestones: 20 gamma: 0.3 } }",
               optim(o.SGD, lr=0.02, momentum=0.9), scheduler=lambda x: s.MultiStepLR(x, [5, 20], gamma=0.3))
    torch_case("adamw_cosine_warmup",
               "adamw { learning_rate: 0.02 eps: 0.01 } weight_decay: 0.2 "
               "schedule { cosine { total_steps: 45 } warmup { steps: 10 start_factor: 0.1 } }",
               optim(o.AdamW, lr=0.02, eps=0.01, weight_decay=0.2), scheduler=warm_cosine_45)


def warm_cosine_45(optimizer):
    """Ends at 45; PyTorch's own cosine turns round there, so this is the product of two LambdaLR from then on."""
    warm = lambda t: 0.1 + 0.9 * min(t, 10) / 10
    cosine = lambda t: (1 + math.cos(math.pi * min(t, 45) / 45)) / 2
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: warm(t) * cosine(t))


# ---------------------------------------------------------------- double precision, from the papers


def lamb(config, lr, beta1, beta2, eps, decay, scale=1.0, period=7):
    """You et al., 2020, Algorithm 2, with bias correction and phi the identity."""
    w = initial_weights().astype(np.float64)
    m = np.zeros(COUNT)
    v = np.zeros(COUNT)
    history = [w.copy()]
    for t, g in enumerate(gradients(scale, period).astype(np.float64), start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        update = m_hat / (np.sqrt(v_hat) + eps) + decay * w
        w = w - lr * np.linalg.norm(w) / np.linalg.norm(update) * update
        history.append(w.copy())
    emit(*config, scale, period, history)


def ftrl(config, alpha, beta, l1, l2, initial, scale=1.0, period=7):
    """McMahan et al., 2013, Algorithm 1, coordinate by coordinate. With beta 0, l2 doubled and initial 0.1 it is
    TensorFlow's FtrlOptimizer with learning_rate_power -0.5.
    """
    rows = gradients(scale, period).astype(np.float64)
    w = np.zeros(COUNT)
    history = [w.copy()]
    z = [0.0] * COUNT
    n = [initial] * COUNT
    for g in rows:
        for i in range(COUNT):
            sigma = (math.sqrt(n[i] + g[i] ** 2) - math.sqrt(n[i])) / alpha
            z[i] += g[i] - sigma * w[i]
            n[i] += g[i] ** 2
            if abs(z[i]) <= l1:
                w[i] = 0.0
            else:
                w[i] = -(z[i] - math.copysign(l1, z[i])) / ((beta + math.sqrt(n[i])) / alpha + l2)
        history.append(w.copy())
    emit(*config, scale, period, history)


def sgd_average(config, lr, decay, scale=1.0, period=7):
    w = initial_weights().astype(np.float64)
    average = w.copy()
    history, averages = [w.copy()], [average.copy()]
    for n, g in enumerate(gradients(scale, period).astype(np.float64), start=1):
        w = w - lr * g
        d = min(decay, (1 + n) / (10 + n))
        average = d * average + (1 - d) * w
        history.append(w.copy())
        averages.append(average.copy())
    emit(*config, scale, period, history, averages)


def delay_compensated(config, lr, strength, lag, decay=0.0, scale=1.0, period=7):
    """Zheng et al., 2017: the gradient of update t was computed from the weights after max(0, t - 1 - lag) updates."""
    history = [initial_weights().astype(np.float64)]
    for t, g in enumerate(gradients(scale, period).astype(np.float64)):
        w, pulled = history[-1], history[max(0, t - lag)]
        history.append(w - lr * (g + strength * g * g * (w - pulled) + decay * w))
    emit(*config, scale, period, history, lag=lag)


def paper_cases():
    lamb(("lamb_defaults", "lamb {}"), 0.001, 0.9, 0.999, 1e-6, 0.01)
    lamb(("lamb", "lamb { learning_rate: 0.01 beta1: 0.8 beta2: 0.95 eps: 0.0625 } weight_decay: 0.2"),
         0.01, 0.8, 0.95, 0.0625, 0.2)
    lamb(("lamb_default_eps", "lamb { learning_rate: 0.01 }"), 0.01, 0.9, 0.999, 1e-6, 0.01, scale=2.0**-20)
    lamb(("lamb_without_decay", "lamb { learning_rate: 0.01 } weight_decay: 0"), 0.01, 0.9, 0.999, 1e-6, 0)
    ftrl(("ftrl_defaults", "ftrl {}"), 0.001, 1, 0, 0, 0, scale=64.0)
    ftrl(("ftrl", "ftrl { learning_rate: 0.5 l1: 0.75 l2: 0.3 beta: 0.5 initial_accumulator_value: 0.1 }"),
         0.5, 0.5, 0.75, 0.3, 0.1)
    ftrl(("ftrl_tensorflow", "ftrl { learning_rate: 0.2 l1: 0.1 l2: 0.02 beta: 0 initial_accumulator_value: 0.1 }"),
         0.2, 0, 0.1, 2 * 0.01, 0.1)
    sgd_average(("average_ramp", "sgd { learning_rate: 0.1 } average { decay: 0.9999 }"), 0.1, 0.9999)
    sgd_average(("average", "sgd { learning_rate: 0.05 } average { decay: 0.6 }"), 0.05, 0.6)
    delay_compensated(("delay_compensation", "sgd { learning_rate: 0.1 } delay_compensation { lambda: 0.5 }"), 0.1, 0.5, 4)
    delay_compensated(("delay_compensation_decay",
                       "sgd { learning_rate: 0.05 } weight_decay: 0.1 delay_compensation { lambda: 2 }"), 0.05, 2, 9, decay=0.1)


# ---------------------------------------------------------------- schedules


def emit_rates(name, config, base, rates):
    print(f"schedule {name}\nconfig {config}\nbase {base!r}")
    for start in range(0, len(rates), 10):
        print(f"rate {start} {text(rates[start:start + 10], 15)}")


def torch_schedule(name, config, base, make, count=40):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
    schedule = make(optimizer)
    rates = []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    emit_rates(name, config, base, rates)


def formula_schedule(name, config, base, formula, count=40):
    emit_rates(name, config, base, [formula(t) for t in range(count)])


def schedule_cases():
    s = torch.optim.lr_scheduler
    torch_schedule("constant", "constant {}", 0.1, lambda o: s.ConstantLR(o, factor=1.0), count=10)
    torch_schedule("exponential", "exponential { decay_rate: 0.93 }", 0.1, lambda o: s.ExponentialLR(o, 0.93))
    formula_schedule("exponential_smooth", "exponential { decay_rate: 0.5 decay_steps: 7 }", 0.2,
                     lambda t: 0.2 * 0.5 ** (t / 7))
    formula_schedule("exponential_staircase", "exponential { decay_rate: 0.5 decay_steps: 7 staircase: true }", 0.2,
                     lambda t: 0.2 * 0.5 ** (t // 7))
    torch_schedule("step", "step { step_size: 6 gamma: 0.7 }", 0.1, lambda o: s.StepLR(o, 6, gamma=0.7))
    torch_schedule("step_defaults", "step { step_size: 10 }", 0.1, lambda o: s.StepLR(o, 10))
    torch_schedule("milestones", "step { milestones: 3 milestones: 4 milestones: 25 gamma: 0.4 }", 0.1,
                   lambda o: s.MultiStepLR(o, [3, 4, 25], gamma=0.4))
    # PyTorch's cosine turns round at T_max: compared up to there.
    torch_schedule("cosine", "cosine { total_steps: 39 }", 0.1, lambda o: s.CosineAnnealingLR(o, 39))
    torch_schedule("cosine_final_rate", "cosine { total_steps: 39 final_rate: 0.01 }", 0.1,
                   lambda o: s.CosineAnnealingLR(o, 39, eta_min=0.01))
    formula_schedule("cosine_after_its_end", "cosine { total_steps: 12 final_rate: 0.01 }", 0.1,
                     lambda t: 0.01 + 0.09 * (1 + math.cos(math.pi * min(t, 12) / 12)) / 2, count=20)
    torch_schedule("polynomial", "polynomial { total_steps: 30 }", 0.1, lambda o: s.PolynomialLR(o, 30))
    torch_schedule("polynomial_square", "polynomial { total_steps: 30 power: 2 }", 0.1,
                   lambda o: s.PolynomialLR(o, 30, power=2.0))
    formula_schedule("polynomial_final_rate", "polynomial { total_steps: 30 final_rate: 0.02 power: 1.5 }", 0.1,
                     lambda t: 0.02 + 0.08 * (1 - min(t, 30) / 30) ** 1.5)
    torch_schedule("warmup_defaults", "warmup { steps: 5 }", 0.1, lambda o: s.LinearLR(o), count=10)
    torch_schedule("warmup", "warmup { steps: 12 start_factor: 0.05 }", 0.1,
                   lambda o: s.LinearLR(o, start_factor=0.05, total_iters=12), count=20)
    torch_schedule("warmup_then_constant", "constant {} warmup { steps: 8 start_factor: 0.25 }", 0.1,
                   lambda o: s.SequentialLR(o, [s.LinearLR(o, start_factor=0.25, total_iters=8),
                                                s.ConstantLR(o, factor=1.0)], [8]), count=20)
    torch_schedule("warmup_cosine", "cosine { total_steps: 39 } warmup { steps: 12 start_factor: 0.05 }", 0.1,
                   lambda o: s.ChainedScheduler([s.LinearLR(o, start_factor=0.05, total_iters=12),
                                                 s.CosineAnnealingLR(o, 39)]))
    torch_schedule("warmup_exponential", "exponential { decay_rate: 0.9 } warmup { steps: 6 start_factor: 0.5 }", 0.1,
                   lambda o: s.ChainedScheduler([s.LinearLR(o, start_factor=0.5, total_iters=6),
                                                 s.ExponentialLR(o, 0.9)]))
    torch_schedule("warmup_milestones", "step { milestones: 4 milestones: 20 } warmup { steps: 8 start_factor: 0.2 }",
                   0.1,
                   lambda o: s.ChainedScheduler([s.LinearLR(o, start_factor=0.2, total_iters=8),
                                                 s.MultiStepLR(o, [4, 20])]))
    torch_schedule("warmup_polynomial",
                   "polynomial { total_steps: 30 power: 2 } warmup { steps: 10 start_factor: 0.1 }", 0.1,
                   lambda o: s.ChainedScheduler([s.LinearLR(o, start_factor=0.1, total_iters=10),
                                                 s.PolynomialLR(o, 30, power=2.0)]))


def main():
    torch.set_num_threads(1)
    print(f"# Written by make_goldens.py with PyTorch {torch.__version__.split('+')[0]}, NumPy {np.__version__}.")
    torch_cases()
    paper_cases()
    schedule_cases()
    return 0


if __name__ == "__main__":
    sys.exit(main())
