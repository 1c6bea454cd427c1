"""Each gate fails on a tree that breaks its rule, and only on that."""

import os
import tempfile
import unittest

import layering
import tidiness
from tree import Rule


class GateCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w") as file:
            file.write(text)

    def expect_one(self, complaints, *words):
        self.assertEqual(len(complaints), 1, complaints)
        for word in words:
            self.assertIn(word, complaints[0])


class LayeringTest(GateCase):
    def test_a_worker_may_not_include_the_server(self):
        self.write("worker/a.cc", '#include "common/base/status.h"\n#include "server/store/table.h"\n')
        self.expect_one(layering.check_includes(self.root), "worker/a.cc:2", "server/store/table.h", "common/")

    def test_a_server_may_not_include_the_worker_nor_common_anything_above_it(self):
        self.write("server/a.h", '#  include "worker/client/ps_client.h"\n')
        self.write("common/b.h", '#include "kernels/kernels.h"\n')
        self.assertEqual(len(layering.check_includes(self.root)), 2)

    def test_the_command_may_include_both(self):
        self.write("cli/a.cc", '#include "server/a.h"\n#include "worker/b.h"\n')
        self.assertEqual(layering.check_includes(self.root), [])

    def test_a_target_may_not_depend_against_the_arrows(self):
        rules = {"//worker:a": Rule("//worker:a", "cc_library", deps=["//server/store:store", "//common/base:status"])}
        self.expect_one(layering.check_graph(rules), "//worker:a", "//server/store:store")

    def test_the_core_may_not_reach_grpc_through_another_library(self):
        rules = {
            "//server/store:store": Rule("//server/store:store", "cc_library", deps=["//common/base:status"]),
            "//common/base:status": Rule("//common/base:status", "cc_library", deps=["@grpc//:lib"]),
        }
        self.expect_one(layering.check_core_graph(rules), "//server/store:store -> //common/base:status -> @grpc//:lib")

    def test_the_core_names_no_thread_file_or_wall_time(self):
        for line in ("#include <thread>", "std::ofstream out;\n#include <fstream>", "auto t = absl::Now();",
                     "std::chrono::steady_clock::now();", "std::random_device d;", 'getenv("HOME");'):
            self.write("server/optimizer/a.cc", line + "\n")
            self.assertEqual(len(layering.check_core_sources(self.root, {})), 1, line)

    def test_what_only_tests_use_may_read_files(self):
        self.write("server/store/golden.cc", "#include <fstream>\n")
        label, source = "//server/store:golden", "//server/store:golden.cc"
        rules = {label: Rule(label, "cc_library", sources=[source], testonly=True)}
        self.assertEqual(layering.check_core_sources(self.root, rules), [])
        rules["//server/store:store"] = Rule("//server/store:store", "cc_library", sources=[source])
        self.assertEqual(len(layering.check_core_sources(self.root, rules)), 1)

    def test_the_core_rule_spares_tests_comments_and_other_parts(self):
        self.write("server/store/a_test.cc", "#include <thread>\n")
        self.write("server/store/a.cc", "int a;  // no std::thread here\n")
        self.write("server/service/a.cc", "#include <thread>\n")
        self.assertEqual(layering.check_core_sources(self.root, {}), [])


class TidinessTest(GateCase):
    def test_a_test_without_a_target_is_named(self):
        self.write("server/store/a_test.cc", "")
        self.write("server/store/b_test.cc", "")
        rules = {"//server/store:b_test": Rule("//server/store:b_test", "cc_test", sources=["//server/store:b_test.cc"])}
        self.expect_one(tidiness.check_tests_are_owned(self.root, rules), "server/store/a_test.cc")

    def test_a_long_file_is_named(self):
        self.write("a/long.cc", "\n" * (tidiness.LINES_MAX + 1))
        self.write("a/short.cc", "\n" * tidiness.LINES_MAX)
        self.expect_one(tidiness.check_file_length(self.root), "a/long.cc", "split")

    def test_calls_that_end_the_process_are_named(self):
        for line in ("CHECK(x);", "CHECK_EQ(a, b);", "  abort();", "std::abort();", "exit(1);", "std::terminate();",
                     "LOG(FATAL) << 1;", "GPR_ASSERT(x);"):
            self.write("server/a.cc", line + "\n")
            self.expect_one(tidiness.check_nothing_ends_the_process(self.root, {}), "server/a.cc:1")

    def test_tests_mains_comments_and_other_names_may_say_so(self):
        self.write("server/a_test.cc", "abort();\n")
        self.write("server/server_main.cc", "std::exit(1);\n")
        self.write("server/b.cc", "// never abort()\ncall.exit(1);\nOnExit(x);\nPRECHECK(x);\n")
        self.assertEqual(tidiness.check_nothing_ends_the_process(self.root, {}), [])

    def test_a_package_without_a_purpose_is_named(self):
        self.write("a/BUILD", "cc_library()\n")
        self.write("b/BUILD", "# What b is for, in a line.\n")
        self.expect_one(tidiness.check_packages_say_what_they_are(self.root), "a/BUILD")

    def test_a_vague_name_is_named(self):
        self.write("common/utils/a.h", "")
        self.expect_one(tidiness.check_names(self.root), "common/utils/a.h")

    def test_a_wrong_include_guard_is_named(self):
        self.write("a/good.h", "#ifndef DOWNPOUR_A_GOOD_H_\n#define DOWNPOUR_A_GOOD_H_\n#endif\n")
        self.write("a/bad.h", "#pragma once\n")
        self.expect_one(tidiness.check_include_guards(self.root), "a/bad.h", "DOWNPOUR_A_BAD_H_")

    def test_a_namespace_opened_in_a_header_is_named(self):
        self.write("a/a.h", "using namespace std;\n")
        self.expect_one(tidiness.check_headers_do_not_open_namespaces(self.root), "a/a.h:1")

    def test_unfinished_work_without_a_reason_is_named(self):
        self.write("a/a.cc", "// TODO later\n// TODO(ada): waits for gRPC 1.60's fix\n")
        self.expect_one(tidiness.check_unfinished_work_has_a_reason(self.root), "a/a.cc:1")


if __name__ == "__main__":
    unittest.main()
