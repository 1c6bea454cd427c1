"""Who may depend on whom: the arrows of docs/ARCHITECTURE.md, by Bazel's graph and by what the sources include.

Each check returns a list of complaints; each complaint says what to do instead.
"""

import re

import tree

# A package below the key may depend on packages below these, on itself, and on the system's libraries.
ARROWS = {
    "proto": [],
    "common": ["proto"],
    "kernels": ["common"],
    "server": ["common", "kernels", "proto"],
    "worker": ["common", "deploy", "kernels", "proto"],
    "cli": ["common", "deploy", "kernels", "proto", "server", "worker"],
    "tests": ["cli", "common", "deploy", "kernels", "proto", "server", "worker"],
    "deploy": [],
}

# Pure code: it takes bytes, views and a Clock, and returns decisions.
CORE = ["common/sharding", "common/tensor", "kernels/nn", "kernels/reference", "kernels/simd", "server/consistency",
        "server/membership", "server/optimizer", "server/shard", "server/store"]
CORE_MAY_NOT_REACH = ["@grpc//", "@prometheus//", "@onednn//", "//common/rpc", "//common/storage",
                      "//common/telemetry", "//server/service", "//server/checkpoint"]
CORE_BANNED = [
    (r"#include <(thread|future|fstream|iostream|filesystem)>|std::(thread|jthread|async)\b|pthread_create",
     "threads and files belong to the caller: take bytes, return decisions"),
    (r"system_clock|steady_clock|high_resolution_clock|absl::Now\(|\btime\(nullptr\)|gettimeofday|clock_gettime",
     "take a Clock& (common/base/clock.h), so that the simulator can drive it"),
    (r"std::random_device|\brand\(\)|std::mt19937", "take a seed and draw from common/base/philox.h"),
    (r"\bgetenv\(|\bfopen\(|\bopen\(|\bsocket\(", "the outside world belongs to the caller"),
]
# Finding the SIMD level once is the one thing that kernels ask of the machine they run on.
CORE_BANNED_EXCEPT = {"kernels/simd/dispatch.cc"}

CODE = (".cc", ".h", ".cu", ".cuh")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def is_test_or_bench(path):
    stem = path.rsplit(".", 1)[0]
    return stem.endswith(("_test", "_bench", "_bench_cases", "_fuzz", "_main")) or "/testing/" in path or "testdata" in path


def top(path):
    return path.split("/")[0]


def arrow_allowed(source, target):
    return source == target or source not in ARROWS or target not in ARROWS or target in ARROWS[source]


def check_includes(root):
    """server/ and worker/ never meet, and nobody includes against the arrows."""
    complaints = []
    for path in tree.sources(root, CODE):
        text = tree.read(root, path)
        for match in INCLUDE.finditer(text):
            if not arrow_allowed(top(path), top(match.group(1))):
                line = text[:match.start()].count("\n") + 1
                complaints.append(
                    f'{path}:{line}: {top(path)}/ may not include "{match.group(1)}": it may use '
                    f"{', '.join(ARROWS[top(path)]) or 'nothing of ours'}. Move what both need to common/, or put an "
                    "interface where it is consumed.")
    return complaints


def check_graph(rules):
    """The same by Bazel's graph, BUILD files included."""
    complaints = []
    for rule in rules.values():
        for dep in rule.deps:
            if dep.startswith("//") and not arrow_allowed(top(rule.package), top(dep[2:].split(":")[0])):
                complaints.append(f"{rule.label} may not depend on {dep}: {top(rule.package)}/ may use "
                                  f"{', '.join(ARROWS[top(rule.package)]) or 'nothing of ours'}.")
    return complaints


def reachable(rules, label):
    seen, stack = {}, [(label, None)]
    while stack:
        at, parent = stack.pop()
        if at in seen:
            continue
        seen[at] = parent
        if at in rules:
            stack += [(dep, at) for dep in rules[at].deps]
    return seen


def path_to(seen, label):
    path = []
    while label is not None:
        path.append(label)
        label = seen[label]
    return " -> ".join(reversed(path))


def in_core(package):
    return any(package == core or package.startswith(core + "/") for core in CORE)


def check_core_graph(rules):
    """The core's libraries reach no gRPC, files, metrics or services, however indirectly."""
    complaints = []
    for rule in rules.values():
        if rule.kind != "cc_library" or not in_core(rule.package):
            continue
        seen = reachable(rules, rule.label)
        for label in sorted(seen):
            if label.startswith(tuple(CORE_MAY_NOT_REACH)):
                complaints.append(f"{rule.label} is core and must stay pure, but reaches {label}: "
                                  f"{path_to(seen, label)}. Pass in bytes or an interface instead.")
    return complaints


def check_core_sources(root, rules):
    """The core's sources name no threads, files or wall time."""
    complaints = []
    exempt = CORE_BANNED_EXCEPT | tree.test_sources(rules)
    for path in tree.sources(root, CODE):
        if not in_core(path.rsplit("/", 1)[0]) or is_test_or_bench(path) or path in exempt:
            continue
        for number, line in enumerate(tree.read(root, path).split("\n"), 1):
            code = line.split("//")[0]
            for pattern, instead in CORE_BANNED:
                if re.search(pattern, code):
                    complaints.append(f"{path}:{number}: the core is pure: {instead}. ({line.strip()})")
    return complaints
