#!/usr/bin/env python3
"""Writes compile_commands.json into the root of the tree, for clangd and clang-tidy.

usage: deploy/compile_commands.py [TARGET...]      default: //...

It asks Bazel how it would compile each file (nothing is compiled but generated headers, which editors need too).
"""

import json
import os
import subprocess
import sys

# Flags of GCC that clangd and clang-tidy refuse.
GCC_ONLY = {"-fno-canonical-system-headers", "-Wunused-but-set-parameter", "-Wno-free-nonheap-object",
            "-Wno-builtin-macro-redefined"}

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def bazel(*arguments, output=False):
    result = subprocess.run(["bazel", *arguments], cwd=ROOT, stdout=subprocess.PIPE if output else None, text=True)
    if result.returncode != 0:
        sys.exit(f"bazel {arguments[0]} failed")
    return (result.stdout or "").strip()


def main(targets):
    targets = " + ".join(targets or ["//..."])
    generated = bazel("query", "--noshow_progress", f"filter('_generate$', kind('_generate rule', {targets}))",
                      output=True).split()
    if generated:
        bazel("build", "--noshow_progress", *generated)
    graph = json.loads(bazel("aquery", "--output=jsonproto", "--noshow_progress",
                             f"mnemonic('CppCompile', {targets})", output=True))
    execution_root = bazel("info", "--noshow_progress", "execution_root", output=True)
    commands = {}
    for action in graph.get("actions", []):
        arguments = [argument for argument in action["arguments"] if argument not in GCC_ONLY]
        source = arguments[arguments.index("-c") + 1]
        commands.setdefault(source, {"directory": execution_root, "arguments": arguments,
                                     "file": os.path.join(ROOT, source)})
    with open(os.path.join(ROOT, "compile_commands.json"), "w") as file:
        json.dump(list(commands.values()), file, indent=1)
    print(f"compile_commands.json: {len(commands)} files")


if __name__ == "__main__":
    if "-h" in sys.argv or "--help" in sys.argv:
        sys.exit(__doc__)
    main(sys.argv[1:])
