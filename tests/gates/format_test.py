"""Sources are laid out by clang-format, scripts pass shellcheck, Python compiles."""

import os
import shutil
import subprocess
import sys

import cases
import tree


def tool_complaints(root, command, files, advice):
    if not files:
        return []
    if not shutil.which(command[0]):
        return [f"{command[0]} is missing: run deploy/setup.sh"]
    result = subprocess.run(command + files, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return [] if result.returncode == 0 else [f"{advice}\n{result.stdout[-4000:]}"]


def scripts(root):
    return [path for path in tree.walk(root) if tree.read(root, path)[:40].startswith(("#!/usr/bin/env bash", "# shellcheck"))]


def check_python(root):
    complaints = []
    for path in tree.sources(root, (".py",)):
        try:
            compile(tree.read(root, path), path, "exec")
        except SyntaxError as error:
            complaints.append(f"{path}: {error}")
    return complaints


def check_scripts_are_executable(root):
    return [f"{path}: a script with #! should be executable: chmod +x" for path in tree.walk(root)
            if tree.read(root, path)[:2] == "#!" and not os.access(os.path.join(root, path), os.X_OK)]


def main():
    root = tree.workspace_root()
    code = tree.sources(root, (".cc", ".h", ".cu", ".cuh"))
    return cases.run("FormatTest", {
        "ClangFormatAgrees": lambda: tool_complaints(
            root, ["clang-format", "--dry-run", "--Werror"], code, "run clang-format -i on the files below"),
        "ShellcheckAgrees": lambda: tool_complaints(root, ["shellcheck", "-x"], scripts(root), "mend what it says"),
        "PythonCompiles": lambda: check_python(root),
        "ScriptsAreExecutable": lambda: check_scripts_are_executable(root),
    })


if __name__ == "__main__":
    sys.exit(main())
