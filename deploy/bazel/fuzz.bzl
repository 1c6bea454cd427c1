"""`cc_fuzz_test`: a libFuzzer program under `--config=fuzz`, a short test everywhere else.

The source has `extern "C" int LLVMFuzzerTestOneInput(const uint8_t*, size_t)`, which returns 0, and ends the process
when something is wrong.

    bazel run --config=fuzz //common/rpc:push_decoder_fuzz -- -max_total_time=600    search; libFuzzer's options
    bazel test --config=fuzz //common/rpc:push_decoder_fuzz                          search for half a minute
    bazel test //common/rpc:push_decoder_fuzz                                        the corpus, and mutations of it

The last one needs no Clang: common/fuzz/replay_main.cc runs every file of the corpus and a few thousand mutations of them
that are the same each time. An input that broke something goes into the corpus together with the repair.
"""

def cc_fuzz_test(name, srcs, deps = [], corpus = [], tags = [], **kwargs):
    """A fuzz target with its corpus.

    Args:
      name: of the test; ends in `_fuzz`.
      srcs: the file with LLVMFuzzerTestOneInput.
      deps: as everywhere.
      corpus: files, one input each, all in one folder: glob(["testdata/push_corpus/*"]).
      tags: as everywhere.
      **kwargs: for cc_test.
    """
    if not corpus:
        fail("%s needs a corpus: a few inputs that go deep" % name)
    folder = corpus[0].rpartition("/")[0]
    arguments = [native.package_name() + "/" + folder]
    native.cc_test(
        name = name,
        size = "small",
        srcs = srcs,
        args = select({
            "//deploy/bazel:fuzzing": ["-max_total_time=30", "-timeout=10", "-rss_limit_mb=2048"],
            "//conditions:default": [],
        }) + arguments,
        data = corpus,
        linkopts = select({
            "//deploy/bazel:fuzzing": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        # Half a minute of search is no small test.
        timeout = "moderate",
        deps = deps + select({
            "//deploy/bazel:fuzzing": [],
            "//conditions:default": ["//common/fuzz:replay_main"],
        }),
        tags = tags + ["fuzz"],
        **kwargs
    )
