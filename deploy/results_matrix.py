"""What deploy/results.py runs: each run of docs/results.md as a shipped job, devices and overrides.

Runs are listed by worth: whoever stops early has the most of each table.
"""

import collections
import math

# `parts`: the coordinates of the run within its table.
Run = collections.namedtuple("Run", "section parts job devices overrides")

BATCH = 128
FASHION_STEPS = math.ceil(60000 / BATCH)  # of an epoch
EPOCHS = 10  # of a run of `policies`
STALENESS_EPOCHS = 3
REPLICAS = (1, 2, 4)
DELAYS = (1, 2, 4, 8, 16)  # virtual replicas; a push misses one update fewer

# Name in the tables, job. One replica under the first five is plain SGD, to the bit: it is run once.
POLICIES = (
    ("async", "fashion_mnist"),
    ("bounded staleness", "fashion_mnist_bounded_staleness"),
    ("delay compensation", "fashion_mnist_delay_compensation"),
    ("staleness-aware rate", "fashion_mnist_staleness_aware"),
    ("sync", "fashion_mnist_sync"),
    ("model averaging", "fashion_mnist_model_averaging"),
    ("DiLoCo", "fashion_mnist_diloco"),
    ("elastic averaging", "fashion_mnist_elastic_averaging"),
)
PLAIN_WITH_ONE_REPLICA = ("bounded staleness", "delay compensation", "staleness-aware rate", "sync")
STEPS_ARE_OF_A_REPLICA = ("model averaging", "DiLoCo", "elastic averaging")

_RATE = "optimizer.nesterov.learning_rate=0.05"
# What is changed of the job `fashion_mnist`, whose rate warms up for 150 steps here.
REMEDIES = (
    ("Nesterov momentum 0.9, rate 0.05", (_RATE,)),
    ("without the rate's warm-up", (_RATE, "optimizer.schedule.warmup.steps=0")),
    ("rate 0.02", ("optimizer.nesterov.learning_rate=0.02",)),
    ("momentum 0.8", (_RATE, "optimizer.nesterov.momentum=0.8")),
    ("staleness-aware rate", (_RATE, "policy.staleness_aware_rate=true")),
    ("delay compensation 0.04", (_RATE, "optimizer.delay_compensation.lambda=0.04")),
    ("delay compensation 2", (_RATE, "optimizer.delay_compensation.lambda=2")),
    ("warm start of half an epoch", (_RATE, f"policy.warm_start.steps={FASHION_STEPS // 2}")),
    ("gradients clipped to norm 1", (_RATE, "replica.clip_global_norm=1")),
    ("plain SGD, rate 0.2", ("optimizer.sgd.learning_rate=0.2",)),
    ("Adagrad, rate 0.02", ("optimizer.adagrad.learning_rate=0.02",)),
)
# Without any delay these do nothing: their first column is that of the first row.
NOTHING_WITHOUT_DELAY = ("staleness-aware rate", "delay compensation 0.04", "delay compensation 2",
                         "warm start of half an epoch")

# Shipped jobs as they are, with as many replicas as they are written for.
JOBS = ("fashion_mnist", "fashion_mnist_sync", "cifar10_fast", "wide_deep", "quickstart")


def _devices(replicas):
    return ",".join(f"cpu:{i}" for i in range(replicas))


def policy_run(policy, replicas, seed):
    """Ten epochs of the policy's job. Schedules are cut to what the servers, or each replica, count until then."""
    schedule, steps = "optimizer.schedule", EPOCHS * FASHION_STEPS
    if policy in STEPS_ARE_OF_A_REPLICA:
        schedule, steps = "replica.local.schedule", math.ceil(steps / replicas)
    overrides = [f"seed={seed}", f"budget.epochs={EPOCHS}", f"{schedule}.cosine.total_steps={steps}"]
    if policy == "sync":
        overrides.append(f"batch={BATCH // replicas}")
    return Run("policies", (policy, replicas, seed), dict(POLICIES)[policy], _devices(replicas), overrides)


def staleness_run(remedy, delay, seed):
    """One replica, whose pushes are as late as if there were `delay` of them."""
    overrides = [f"seed={seed}", f"budget.epochs={STALENESS_EPOCHS}", f"replica.virtual_replicas={delay}",
                 f"optimizer.schedule.cosine.total_steps={STALENESS_EPOCHS * FASHION_STEPS}",
                 "optimizer.schedule.warmup.steps=150", f"evaluation.every_epochs={STALENESS_EPOCHS}"]
    return Run("staleness", (remedy, delay, seed), "fashion_mnist", _devices(1), overrides + list(dict(REMEDIES)[remedy]))


def job_run(job, seed):
    return Run("jobs", (job, 2, seed), job, _devices(2), [f"seed={seed}"])


def _policies(seed, replicas):
    for policy, _ in POLICIES:
        if replicas > 1 or policy not in PLAIN_WITH_ONE_REPLICA:
            yield policy_run(policy, replicas, seed)


def _staleness(seed):
    for delay in (8, 1, 2, 16, 4):
        for remedy, _ in REMEDIES:
            if delay > 1 or remedy not in NOTHING_WITHOUT_DELAY:
                yield staleness_run(remedy, delay, seed)


def all_runs(seeds):
    """Every run, the most telling first."""
    runs = [policy_run("async", 1, 1), *_policies(1, 2)]
    runs += [job_run(job, 1) for job in JOBS]
    runs += _staleness(1)
    runs.append(job_run("cifar10", 1))
    for seed in range(1, seeds + 1):
        for replicas in (2, 1, 4):
            runs += _policies(seed, replicas)
        runs += [job_run(job, seed) for job in ("fashion_mnist", "fashion_mnist_sync", "cifar10_fast")]
    return list({(run.section, run.parts): run for run in runs}.values())
