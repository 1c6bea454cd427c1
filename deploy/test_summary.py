#!/usr/bin/env python3
"""Counts test cases from Bazel's event files and says which were skipped and why.

usage: test_summary.py NAME=EVENTS.json...    the last line is `N passed, N failed, N skipped`; exit 1 if any failed

A case is a <testcase> of a target's test.xml (GoogleTest writes one per TEST). A target whose binary reports no cases
of its own counts as one; it says that it skipped with a line `SKIPPED: why`. A target that does not build, times out,
crashes or fails after its last case (a leak found at exit) counts as a failure, and so does a build that stopped.
"""

import collections
import json
import os
import re
import sys
import urllib.parse
import xml.etree.ElementTree as xml


class Tally:
    def __init__(self):
        self.passed = 0
        self.failures = []  # (run, what, why)
        self.skips = collections.defaultdict(list)  # reason -> what

    def fail(self, run, what, why):
        self.failures.append((run, what, why))


def output_path(event, name):
    for output in event.get("testActionOutput", []):
        if output.get("name") == name and output.get("uri", "").startswith("file://"):
            return urllib.parse.unquote(urllib.parse.urlparse(output["uri"]).path)
    return None


def skip_reason(text):
    """The reason itself: GoogleTest puts file:line on the first line of the message."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and re.match(r"\S+:\d+$", lines[0]):
        lines = lines[1:]
    return re.sub(r"^SKIPPED: *", "", " ".join(lines)) or "no reason given"


def log_skip(path):
    try:
        with open(path, errors="replace") as log:
            for line in log:
                if line.startswith("SKIPPED:"):
                    return line[len("SKIPPED:"):].strip() or "no reason given"
    except OSError:
        pass
    return None


def count_target(tally, run, label, event):
    """One finished test action: a target, or one of its shards."""
    ok = event.get("status") in ("PASSED", "FLAKY")
    cases = []
    try:
        cases = list(xml.parse(output_path(event, "test.xml")).iter("testcase"))
    except (OSError, TypeError, xml.ParseError):
        pass
    failed_before = len(tally.failures)
    for case in cases:
        name = f"{case.get('classname')}.{case.get('name')}" if case.get("classname") else label
        where = label if name == label else f"{label} {name}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            tally.fail(run, where, "failed")
        elif skipped is not None:
            tally.skips[skip_reason(skipped.get("message") or skipped.text or "")].append(where)
        elif case.get("status") == "notrun":
            tally.skips["disabled"].append(where)
        elif not ok and len(cases) == 1:
            tally.fail(run, where, event.get("status", "failed").lower())
        else:
            reason = log_skip(output_path(event, "test.log") or "") if len(cases) == 1 else None
            if reason:
                tally.skips[reason].append(where)
            else:
                tally.passed += 1
    if not ok and len(tally.failures) == failed_before:
        tally.fail(run, label, f"{event.get('status', 'failed').lower()} outside of its cases")
    elif ok and not cases:
        tally.fail(run, label, "reported success and no test case")


def count_run(tally, run, path):
    try:
        with open(path) as stream:
            events = [json.loads(line) for line in stream if line.strip()]
    except (OSError, ValueError):
        events = []
    exit_name = None
    kinds = {}  # label -> the kind of rule
    results = {}  # (label, run, shard) -> the last attempt
    before = len(tally.failures)
    for event in events:
        identity = event.get("id", {})
        if "testResult" in identity and "testResult" in event:
            key = identity["testResult"]
            results[(key["label"], key.get("run"), key.get("shard"))] = event["testResult"]
        elif "targetConfigured" in identity:
            kinds[identity["targetConfigured"]["label"]] = event.get("configured", {}).get("targetKind", "")
        elif "targetCompleted" in identity:
            label = identity["targetCompleted"]["label"]
            if "aborted" in event:
                if event["aborted"].get("reason") != "SKIPPED":
                    tally.fail(run, label, "did not build")
                elif "_test" in kinds.get(label, "") and not run.startswith("build-"):
                    tally.skips["needs what this build is without (CUDA)"].append(label)
            elif not event.get("completed", {}).get("success"):
                tally.fail(run, label, "did not build")
        elif "finished" in event:
            exit_name = event["finished"].get("exitCode", {}).get("name")
    for (label, _, _), result in sorted(results.items(), key=lambda item: str(item[0])):
        count_target(tally, run, label, result)
    if exit_name not in ("SUCCESS", "TESTS_FAILED", "NO_TESTS_FOUND") and len(tally.failures) == before:
        tally.fail(run, "the build", f"stopped: {exit_name or 'Bazel left no events'}")
    elif exit_name == "TESTS_FAILED" and len(tally.failures) == before:
        tally.fail(run, "a test", "failed without a report")
    elif run.startswith("build-") and len(tally.failures) == before:
        tally.passed += 1


def main(arguments):
    if not arguments or any("=" not in argument for argument in arguments):
        sys.exit(__doc__)
    tally = Tally()
    for argument in arguments:
        run, path = argument.split("=", 1)
        count_run(tally, run, path)
    if tally.skips:
        print("\nSkipped:")
        for reason, what in sorted(tally.skips.items(), key=lambda item: -len(item[1])):
            print(f"  {reason}:")
            for target, count in sorted(collections.Counter(case.split(" ")[0] for case in what).items()):
                print(f"    {target}" + (f" ({count} cases)" if count > 1 else ""))
    if tally.failures:
        print("\nFailed:")
        for run, what, why in tally.failures:
            print(f"  [{run}] {what}: {why}")
    print()
    skipped = sum(len(what) for what in tally.skips.values())
    print(f"{tally.passed} passed, {len(tally.failures)} failed, {skipped} skipped")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
