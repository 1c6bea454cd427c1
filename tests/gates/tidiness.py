"""How a source file is kept: owned by a target, short, named for what it is, and free of calls that end the process.

Each check returns a list of complaints; each complaint says what to do instead.
"""

import os
import re

import tree
from layering import CODE, is_test_or_bench

LINES_MAX = 600
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "manager", "misc", "common_utils"}

# Calls that end the process. Bytes of a peer or a file must never reach one, so no code but a program's main has any.
ENDS_THE_PROCESS = re.compile(
    r"(?<![\w.:])(CHECK(_[A-Z]+)?|DCHECK(_[A-Z]+)?|GPR_ASSERT|ABSL_RAW_CHECK)\s*\(|LOG\(FATAL\)|"
    r"(?<![\w.])(std::)?(abort|terminate|exit|_exit|quick_exit)\s*\(")


def check_tests_are_owned(root, rules):
    """Every *_test, *_bench and *_fuzz source belongs to a target, or it never runs."""
    owned = {source for rule in rules.values() for source in rule.sources}
    complaints = []
    for path in tree.sources(root, (".cc", ".cu", ".py", ".sh")):
        stem = path.rsplit(".", 1)[0]
        folder, name = os.path.split(path)
        if stem.endswith(("_test", "_bench", "_fuzz")) and f"//{folder}:{name}" not in owned:
            complaints.append(f"{path} belongs to no target and never runs: add a test or binary rule to "
                              f"{folder}/BUILD.")
    return complaints


def check_file_length(root):
    complaints = []
    for path in tree.sources(root, CODE + (".py", ".sh", ".bzl", ".proto")):
        lines = tree.read(root, path).count("\n")
        if lines > LINES_MAX:
            complaints.append(f"{path} has {lines} lines: split it by idea; {LINES_MAX} is the most.")
    return complaints


def check_nothing_ends_the_process(root, rules):
    complaints = []
    of_tests = tree.test_sources(rules)
    for path in tree.sources(root, CODE):
        if is_test_or_bench(path) or path in of_tests:
            continue
        for number, line in enumerate(tree.read(root, path).split("\n"), 1):
            code = line.split("//")[0]
            match = ENDS_THE_PROCESS.search(code)
            if match:
                complaints.append(f"{path}:{number}: {match.group(0).strip()} ends the process: return an "
                                  "absl::Status; only a program's main may exit.")
    return complaints


def check_packages_say_what_they_are(root):
    """The first line of a BUILD file is a comment that says what the package is for."""
    complaints = []
    for path in tree.walk(root):
        if os.path.basename(path) != "BUILD" or path.startswith("deploy/bazel/stubs/"):
            continue
        first = tree.read(root, path).split("\n", 1)[0]
        if not re.match(r"# \S.{9,}", first):
            complaints.append(f"{path}: start it with a comment line that says what the package is for.")
    return complaints


def check_names(root):
    complaints = []
    for path in tree.walk(root):
        for part in re.split(r"[/.]", path):
            if part.lower() in VAGUE_NAMES:
                complaints.append(f"{path}: `{part}` says nothing; name it after its one idea.")
    return complaints


def check_include_guards(root):
    complaints = []
    for path in tree.sources(root, (".h", ".cuh")):
        if path.startswith("deploy/bazel/stubs/"):
            continue
        guard = "DOWNPOUR_" + re.sub(r"[^A-Z0-9]", "_", path.upper()) + "_"
        text = tree.read(root, path)
        # A file that Highway includes once per instruction set toggles its guard.
        if f"#ifndef {guard}\n#define {guard}\n" not in text and f"defined({guard}) == defined(HWY_TARGET_TOGGLE)" not in text:
            complaints.append(f"{path}: its include guard should be {guard}.")
    return complaints


def check_headers_do_not_open_namespaces(root):
    complaints = []
    for path in tree.sources(root, (".h", ".cuh")):
        for number, line in enumerate(tree.read(root, path).split("\n"), 1):
            if re.match(r"using namespace ", line):
                complaints.append(f"{path}:{number}: no `using namespace` in a header: write the names out.")
    return complaints


def check_unfinished_work_has_a_reason(root):
    complaints = []
    for path in tree.sources(root, CODE + (".py", ".sh", ".bzl", ".proto")):
        if path.startswith("tests/gates/"):
            continue
        for number, line in enumerate(tree.read(root, path).split("\n"), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b(?!\([^)]+\): \S+ \S+)", line):
                complaints.append(f"{path}:{number}: do it, or say why not yet: `TODO(who): reason`.")
    return complaints
