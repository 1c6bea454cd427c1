"""The source tree and its Bazel rules, as the gates look at them."""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field

SKIPPED_FOLDERS = {".git", ".cache", "external", "__pycache__", "node_modules"}


def workspace_root():
    """The checkout: test data are links into it."""
    return os.path.dirname(os.path.realpath("WORKSPACE"))


def bazel_root():
    """Where Bazel can be called: the checkout, or the folder of links that stands for one with a space in its path."""
    path = os.path.abspath("WORKSPACE")
    while os.path.islink(path):
        target = os.path.join(os.path.dirname(path), os.readlink(path))
        if " " in target:
            break
        path = target
    return os.path.dirname(path)


def walk(root):
    """Every file of the tree, as paths relative to its root."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            name for name in folders
            if name not in SKIPPED_FOLDERS and not os.path.islink(os.path.join(folder, name)))
        for name in sorted(files):
            yield os.path.relpath(os.path.join(folder, name), root)


def sources(root, suffixes):
    return [path for path in walk(root) if path.endswith(tuple(suffixes))]


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


@dataclass
class Rule:
    """A target: its label without the leading //, its kind, and what it names."""
    label: str
    kind: str
    sources: list = field(default_factory=list)  # //package:file labels
    deps: list = field(default_factory=list)     # labels, @repository//... for the system's
    testonly: bool = False

    @property
    def package(self):
        return self.label.split(":")[0].lstrip("/")


def parse_query(text):
    """Rules from `bazel query --output=xml`."""
    rules = {}
    for element in xml.fromstring(text).iter("rule"):
        rule = Rule(element.get("name"), element.get("class"))
        for attribute in element.iter("list"):
            values = [label.get("value") for label in attribute.iter("label")]
            if attribute.get("name") in ("srcs", "hdrs", "textual_hdrs"):
                rule.sources += values
                rule.deps += values
            elif attribute.get("name") in ("deps", "data", "exports", "implementation_deps"):
                rule.deps += values
        for attribute in element.iter("boolean"):
            if attribute.get("name") == "testonly":
                rule.testonly = attribute.get("value") == "true"
        rules[rule.label] = rule
    return rules


def test_sources(rules):
    """Files that only tests use, as paths: those of test rules and of testonly ones."""
    of_tests, of_others = set(), set()
    for rule in rules.values():
        if rule.testonly or rule.kind.endswith("_test"):
            of_tests.update(rule.sources)
        else:
            of_others.update(rule.sources)
    return {label.lstrip("/").replace(":", "/", 1) for label in of_tests - of_others}


def query_rules(root):
    """All rules of the tree, from a Bazel of our own: the one that runs this test is busy with it."""
    scratch = os.environ.get("TEST_TMPDIR", "/tmp")
    bazel = [shutil.which("bazel") or "bazel", f"--output_user_root={scratch}/bazel", "--max_idle_secs=5"]
    environment = dict(os.environ, HOME=scratch, USER=os.environ.get("USER", "nobody"))
    for name in list(environment):
        if name.startswith(("TEST_", "BAZEL_", "RUNFILES", "JAVA_RUNFILES", "PYTHON_RUNFILES", "XML_")):
            del environment[name]
    # Folder by folder: //... would follow the convenience links into the other Bazel's output.
    folders = sorted({path.split("/")[0] for path in walk(root) if os.path.basename(path) == "BUILD" and "/" in path})
    pattern = " + ".join(["//:all"] + [f"//{folder}/..." for folder in folders])
    command = bazel + ["query", "--output=xml", "--noshow_progress", f"kind(rule, {pattern})"]
    root = bazel_root()
    result = subprocess.run(command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)
    subprocess.run(bazel + ["shutdown"], cwd=root, env=environment, stderr=subprocess.DEVNULL, check=False)
    if result.returncode != 0:
        sys.exit(f"bazel query failed: mend the BUILD files first.\n{result.stderr}")
    return parse_query(result.stdout)
