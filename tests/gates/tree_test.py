"""The tree keeps its own rules."""

import sys

import cases
import layering
import tidiness
import tree


def main():
    root = tree.workspace_root()
    rules = tree.query_rules(root)
    return cases.run("TreeTest", {
        "IncludesFollowTheArrows": lambda: layering.check_includes(root),
        "TargetsFollowTheArrows": lambda: layering.check_graph(rules),
        "TheCoreReachesNoGrpcFilesOrServices": lambda: layering.check_core_graph(rules),
        "TheCoreNamesNoThreadsFilesOrWallTime": lambda: layering.check_core_sources(root, rules),
        "EveryTestBelongsToATarget": lambda: tidiness.check_tests_are_owned(root, rules),
        "FilesAreShort": lambda: tidiness.check_file_length(root),
        "NothingEndsTheProcess": lambda: tidiness.check_nothing_ends_the_process(root, rules),
        "PackagesSayWhatTheyAreFor": lambda: tidiness.check_packages_say_what_they_are(root),
        "NamesSayWhatTheyMean": lambda: tidiness.check_names(root),
        "IncludeGuardsFollowThePath": lambda: tidiness.check_include_guards(root),
        "HeadersDoNotOpenNamespaces": lambda: tidiness.check_headers_do_not_open_namespaces(root),
        "UnfinishedWorkHasAReason": lambda: tidiness.check_unfinished_work_has_a_reason(root),
    })


if __name__ == "__main__":
    sys.exit(main())
