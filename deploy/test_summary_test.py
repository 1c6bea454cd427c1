"""The closing line is true to what happened."""

import contextlib
import io
import json
import os
import tempfile
import unittest

import test_summary


class SummaryTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.events = []

    def file(self, name, text):
        path = os.path.join(self.root, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def target(self, label, status, xml, log=""):
        name = label.replace("/", "_").replace(":", "_")
        outputs = [{"name": "test.xml", "uri": "file://" + self.file(name + ".xml", xml)},
                   {"name": "test.log", "uri": "file://" + self.file(name + ".log", log)}]
        self.events.append({"id": {"testResult": {"label": label, "run": 1, "shard": 1, "attempt": 1}},
                            "testResult": {"status": status, "testActionOutput": outputs}})

    def finish(self, exit_name="SUCCESS", run="all"):
        """The exit status and everything printed."""
        if exit_name:
            self.events.append({"id": {"buildFinished": {}}, "finished": {"exitCode": {"name": exit_name}}})
        path = self.file("events.json", "\n".join(json.dumps(event) for event in self.events))
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = test_summary.main([f"{run}={path}"])
        return status, output.getvalue()

    def last_line(self, *arguments, **named):
        status, text = self.finish(*arguments, **named)
        return status, text.rstrip("\n").split("\n")[-1]

    CASE = '<testcase classname="S" name="{}" status="run"{}'

    def suite(self, *cases):
        return "<testsuites><testsuite>" + "".join(cases) + "</testsuite></testsuites>"

    def passed(self, name="Passes"):
        return self.CASE.format(name, "/>")

    def failed(self, name="Fails"):
        return self.CASE.format(name, "><failure message='no'/></testcase>")

    def skipped(self, reason):
        return self.CASE.format("Skips", f"><skipped message='{reason}'/></testcase>")

    def test_cases_are_counted_and_reasons_of_skips_printed(self):
        self.target("//a:b", "PASSED", self.suite(self.passed(), self.passed("Too"), self.skipped("f.cc:3&#x0A;no GPU")))
        status, text = self.finish()
        self.assertEqual(status, 0)
        self.assertIn("no GPU:\n    //a:b\n", text)
        self.assertTrue(text.endswith("2 passed, 0 failed, 1 skipped\n"), text)

    def test_a_failing_case_fails_the_run_and_is_named(self):
        self.target("//a:b", "FAILED", self.suite(self.passed(), self.failed()))
        status, text = self.finish("TESTS_FAILED")
        self.assertEqual(status, 1)
        self.assertIn("//a:b S.Fails", text)
        self.assertTrue(text.endswith("1 passed, 1 failed, 0 skipped\n"), text)

    def test_a_target_that_fails_after_its_last_case_counts_as_a_failure(self):
        self.target("//a:b", "FAILED", self.suite(self.passed(), self.passed("Too")))
        self.assertEqual(self.last_line("TESTS_FAILED"), (1, "2 passed, 1 failed, 0 skipped"))

    def test_a_target_without_a_report_counts_as_one(self):
        self.target("//a:sh", "PASSED", '<testsuites><testsuite><testcase name="a/sh"/></testsuite></testsuites>')
        self.assertEqual(self.last_line(), (0, "1 passed, 0 failed, 0 skipped"))

    def test_a_time_out_is_a_failure(self):
        self.target("//a:sh", "TIMEOUT", '<testsuites><testsuite><testcase name="a/sh"/></testsuite></testsuites>')
        self.assertEqual(self.last_line("TESTS_FAILED"), (1, "0 passed, 1 failed, 0 skipped"))

    def test_a_script_may_say_that_it_skips(self):
        self.target("//a:sh", "PASSED", '<testsuites><testsuite><testcase name="a/sh"/></testsuite></testsuites>',
                    log="hello\nSKIPPED: no data\n")
        self.assertEqual(self.last_line(), (0, "0 passed, 0 failed, 1 skipped"))

    def test_a_target_that_does_not_build_is_a_failure(self):
        self.events.append({"id": {"targetCompleted": {"label": "//a:b"}}, "completed": {}})
        self.assertEqual(self.last_line("BUILD_FAILURE"), (1, "0 passed, 1 failed, 0 skipped"))

    def test_a_test_that_this_build_cannot_have_is_skipped_and_a_library_is_nothing(self):
        for label, kind in (("//a:gpu_test", "cc_test rule"), ("//a:gpu", "cc_library rule")):
            self.events.append({"id": {"targetConfigured": {"label": label}}, "configured": {"targetKind": kind}})
            self.events.append({"id": {"targetCompleted": {"label": label}}, "aborted": {"reason": "SKIPPED"}})
        self.assertEqual(self.last_line(), (0, "0 passed, 0 failed, 1 skipped"))

    def test_a_build_that_stopped_is_a_failure_even_with_no_event(self):
        self.assertEqual(self.last_line(None), (1, "0 passed, 1 failed, 0 skipped"))
        self.assertEqual(self.last_line("PARSING_FAILURE"), (1, "0 passed, 1 failed, 0 skipped"))

    def test_a_build_that_is_checked_counts_as_one(self):
        self.assertEqual(self.last_line(run="build-nocuda"), (0, "1 passed, 0 failed, 0 skipped"))

    def test_passing_with_no_case_at_all_is_a_failure(self):
        self.target("//a:b", "PASSED", self.suite())
        self.assertEqual(self.last_line(), (1, "0 passed, 1 failed, 0 skipped"))

    def test_the_last_attempt_of_a_flaky_target_counts(self):
        self.target("//a:b", "FAILED", self.suite(self.failed()))
        self.target("//a:b", "PASSED", self.suite(self.passed()))
        self.assertEqual(self.last_line(), (0, "1 passed, 0 failed, 0 skipped"))


if __name__ == "__main__":
    unittest.main()
