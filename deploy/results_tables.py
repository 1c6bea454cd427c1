"""The tables of docs/results.md, from the logs of the runs that have ended."""

import statistics

import results_matrix as matrix


def accuracy(events):
    """Of the last evaluation, in per cent; None where the run came to nothing."""
    value = events[-1]["test_accuracy"]
    return None if events[-1]["outcome"] != "done" or value is None else 100 * value


def outcome(events):
    end, value = events[-1], accuracy(events)
    if value is None:
        return f"diverged after {end['steps']} steps"
    return (f"{value:.2f} %, loss {end['test_loss']:.4f}, {end['seconds']:.0f} s, "
            f"{end['examples_per_second']:.0f} examples/s")


def not_computing(events):
    """The share of the replicas' training that was not forward, backward or making batches, in per cent."""
    spent = {phase: sum(replica["seconds"][phase] for replica in events[-1]["replicas"])
             for phase in ("data", "compute", "push", "pull", "wait")}
    return 100 * (spent["push"] + spent["pull"] + spent["wait"]) / sum(spent.values())


def mean_and_spread(logs):
    """Mean, and half the way from the worst to the best, of the runs of one cell."""
    values = [accuracy(events) for events in logs]
    if not values:
        return ""
    if None in values:
        lost = sum(value is None for value in values)
        return "diverged" if lost == len(values) else f"diverged in {lost} of {len(values)}"
    mean = f"{statistics.mean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ± {(max(values) - min(values)) / 2:.2f}"


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def seeds_of(logs, section, *parts):
    """The logs of a cell, by seed."""
    found = sorted((key[1][-1], events) for key, events in logs.items() if key[0] == section and key[1][:-1] == parts)
    return [events for _, events in found]


def policies(logs):
    rows = []
    for policy, job in matrix.POLICIES:
        row = [policy, f"`{job}`"]
        for replicas in matrix.REPLICAS:
            plain = replicas == 1 and policy in matrix.PLAIN_WITH_ONE_REPLICA
            cell = seeds_of(logs, "policies", policy, replicas)
            row.append("as async" if plain else mean_and_spread(cell) + (f" ({len(cell)})" if cell else ""))
        rows.append(row)
    heads = ["policy", "job", *(f"{n} replica{'s' * (n > 1)}" for n in matrix.REPLICAS)]
    return table(heads, rows) + "\n\n" + costs(logs)


def costs(logs):
    """What asynchrony and waiting come to, of all runs with more than one replica."""
    rows = []
    for policy, _ in matrix.POLICIES:
        row = [policy]
        for replicas in matrix.REPLICAS[1:]:
            cell = seeds_of(logs, "policies", policy, replicas)
            row.append(f"{statistics.mean(events[-1]['staleness_mean'] or 0 for events in cell):.2f}" if cell else "")
            row.append(f"{statistics.mean(map(not_computing, cell)):.0f} %" if cell else "")
        rows.append(row)
    heads = ["policy"] + [f"{what}, {n} replicas" for n in matrix.REPLICAS[1:] for what in ("staleness", "not computing")]
    return table(heads, rows)


def jobs(logs):
    rows = []
    for job in ("quickstart", "fashion_mnist", "fashion_mnist_sync", "cifar10_fast", "cifar10", "wide_deep"):
        cell = seeds_of(logs, "jobs", job, 2)
        if not cell:
            continue
        end = cell[0][-1]
        rows.append([f"`{job}`", mean_and_spread(cell), str(len(cell)), f"{end['steps']:,}",
                     f"{end['examples'] / cell[0][0]['examples_per_epoch']:.0f}", f"{end['staleness_mean'] or 0:.2f}"])
    return table(["job", "test accuracy, %", "seeds", "steps", "epochs", "staleness"], rows)


def staleness(logs):
    rows = []
    for remedy, _ in matrix.REMEDIES:
        row = [remedy]
        for delay in matrix.DELAYS:
            cell = seeds_of(logs, "staleness", remedy, delay)
            plain = delay == 1 and remedy in matrix.NOTHING_WITHOUT_DELAY
            row.append("as first" if plain else mean_and_spread(cell))
        rows.append(row)
    return table(["staleness", *(str(delay - 1) for delay in matrix.DELAYS)], rows)


SECTIONS = {"policies": policies, "jobs": jobs, "staleness": staleness}


def text(logs, only=None):
    return "\n\n".join(f"## {name}\n\n{make(logs)}" for name, make in SECTIONS.items() if only in (None, name))
