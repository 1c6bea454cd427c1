"""`cuda_library` and `cuda_test`: device code compiled with nvcc, used like any other C++ library.

Without a toolkit, or under `--config=nocuda`, these targets are incompatible with the machine: `bazel build //...` and
`bazel test //...` pass over them and over what depends on them, the test summary lists their tests as SKIPPED, and only asking
for one by name is an error. They stay in the graph, with all their sources, so that queries answer the same everywhere.

What must build both ways has a header without CUDA in it, and takes its implementation through `if_cuda` and `cuda_link_only`:

    cc_library(
        name = "device",
        hdrs = ["device.h"],
        srcs = if_cuda([], ["device_without_cuda.cc"]),
        deps = if_cuda([":device_with_cuda_link_only"]),
    )

    cuda_library(
        name = "device_with_cuda",
        srcs = ["device.cc", "device.h"],
    )

    cuda_link_only(
        name = "device_with_cuda_link_only",
        deps = [":device_with_cuda"],
    )

So switching to `--config=nocuda` and back compiles nothing again, except what includes CUDA's headers or is only in one of the two.

Any other rule whose sources call CUDA sets linkstatic, as these do: the static runtime keeps its symbols to the program that
it is linked into, and a test that loads such a library as a shared one dies of "undefined symbol: cuda...".

To see what each kernel takes of registers, shared memory and spills:

    bazel build --define=cuda_resource_usage=print //kernels/cuda:vector_ops

ptxas then prints a few lines per kernel and architecture; a compilation that is already in a cache prints what it printed
then. A build without the define is not disturbed by it. Where the toolkit has it, `cuobjdump --dump-resource-usage` says the
same of a finished binary. Optimised device code carries line tables (-lineinfo) for Nsight and compute-sanitizer.
"""

load(
    "@cuda//:defs.bzl",
    "CUDA_COMPATIBLE_WITH",
    "CUDA_HOST_COMPILER",
    "CUDA_NVCC",
)
load(":cuda_architectures.bzl", "CUDA_ARCHITECTURES")

_HOST_WARNINGS = ["-Wall", "-Wextra", "-Werror"]

def _host_compiler(ctx):
    """The compiler of the C++ toolchain where that is gcc, else the g++ on the path.

    Clang is not handed to nvcc: each nvcc knows only some versions of it. Objects of both link.
    """
    compiler = ctx.attr._cc_toolchain[cc_common.CcToolchainInfo].compiler_executable
    name = compiler.split("/")[-1]
    return compiler if "gcc" in name or "g++" in name else CUDA_HOST_COMPILER

def _nvcc_arguments(ctx, context):
    """Everything but source and object."""
    arguments = ctx.actions.args()
    arguments.add_all(["-c", "-std=c++20", "-O3", "-lineinfo", "--Werror", "all-warnings"])
    arguments.add("--compiler-bindir", _host_compiler(ctx))
    for virtual, codes in CUDA_ARCHITECTURES:
        arguments.add("-gencode=arch=%s,code=[%s]" % (virtual, ",".join(codes)))
    if ctx.var.get("cuda_resource_usage") == "print":
        arguments.add("--resource-usage")
    if ctx.var["COMPILATION_MODE"] == "opt":
        arguments.add("-DNDEBUG")

    # Host code gets what .bazelrc gives to every other C++ file.
    arguments.add_all(
        ["-fPIC"] + _HOST_WARNINGS + ctx.fragments.cpp.copts,
        format_each = "-Xcompiler=%s",
    )
    arguments.add_all(context.defines, format_each = "-D%s")

    # nvcc has no -iquote of its own.
    arguments.add_all([".", ctx.bin_dir.path], format_each = "-Xcompiler=-iquote,%s")
    arguments.add_all(context.quote_includes, format_each = "-Xcompiler=-iquote,%s")
    arguments.add_all(context.includes, before_each = "-I")
    arguments.add_all(context.system_includes, before_each = "-isystem")
    return arguments

def _cuda_objects_impl(ctx):
    context = cc_common.merge_cc_infos(cc_infos = [dep[CcInfo] for dep in ctx.attr.deps]).compilation_context
    arguments = _nvcc_arguments(ctx, context)
    objects = []
    for source in ctx.files.srcs:
        stem = source.basename[:-len(".cu")]
        object = ctx.actions.declare_file("%s/%s/%s.o" % (ctx.label.name, stem, stem))
        objects.append(object)
        ctx.actions.run(
            executable = CUDA_NVCC,
            # Every header that any dependency offers is an input: a change to one compiles again, and the sandbox hides
            # the headers of what is not a dependency.
            inputs = depset([source] + ctx.files.hdrs, transitive = [context.headers]),
            outputs = [object],
            # Two compilations give the same bytes. nvcc writes the names of its intermediate files into the object, so
            # they are kept, which makes their names fixed ones (the sandbox throws the files away); and the working
            # directory into the line tables, so it goes by a name that is the same everywhere.
            arguments = [arguments, "--keep", "--keep-dir", object.dirname, source.path, "-o", object.path],
            env = {"PATH": "/usr/bin:/bin", "PWD": "/proc/self/cwd"},
            mnemonic = "CudaCompile",
            progress_message = "Compiling %s for the GPU" % source.short_path,
        )
    return [DefaultInfo(files = depset(objects))]

_cuda_objects = rule(
    implementation = _cuda_objects_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".cu"], mandatory = True),
        "hdrs": attr.label_list(allow_files = [".h", ".cuh", ".inc"]),
        "deps": attr.label_list(providers = [CcInfo]),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    doc = "Compiles .cu files to position-independent objects.",
)

def _split(name, srcs, hdrs, deps, testonly):
    """Declares the compilation of the .cu files; returns what is left as the srcs of a native C++ rule."""
    device_code = [src for src in srcs if src.endswith(".cu")]
    host_code = [src for src in srcs if not src.endswith(".cu")]
    if not device_code:
        return host_code
    _cuda_objects(
        name = name + "_objects",
        srcs = device_code,
        hdrs = hdrs + [src for src in host_code if src.endswith(".h")],
        deps = deps,
        testonly = testonly,
        target_compatible_with = CUDA_COMPATIBLE_WITH,
        visibility = ["//visibility:private"],
    )
    return host_code + [":%s_objects" % name]

def cuda_library(name, srcs = [], hdrs = [], deps = [], testonly = False, visibility = None, **kwargs):
    """A C++ library some of whose sources are .cu files, or that calls CUDA from .cc files.

    Args:
      name: of the library.
      srcs: .cu files, compiled with nvcc for CUDA_ARCHITECTURES; .cc files and .h files as in `cc_library`. Keep headers
        that are slow to read (Abseil, protobuf, gtest) out of .cu files: nvcc reads them once per architecture and host.
      hdrs: as in `cc_library`, and .cuh.
      deps: as in `cc_library`; the CUDA runtime comes by itself. `@cuda//:cublas` and `@cuda//:cudnn` are asked for.
      testonly: as everywhere.
      visibility: as everywhere.
      **kwargs: other attributes of `cc_library`.
    """
    deps = deps + ["@cuda//:cudart"]
    native.cc_library(
        name = name,
        srcs = _split(name, srcs, hdrs, deps, testonly),
        hdrs = hdrs,
        deps = deps,
        testonly = testonly,
        visibility = visibility,
        linkstatic = True,  # the head of this file says why
        target_compatible_with = CUDA_COMPATIBLE_WITH,
        **kwargs
    )

def cuda_test(name, srcs, deps = [], tags = [], **kwargs):
    """A GoogleTest program, main included, of .cc and .cu files; "kernels/cuda/require_device.h" skips where there is no GPU.

    Args:
      name: of the test.
      srcs: as in `cuda_library`; prefer .cc, which compiles faster.
      deps: as in `cuda_library`; GoogleTest comes by itself.
      tags: as everywhere; "cuda" is added.
      **kwargs: other attributes of `cc_test`.
    """
    deps = deps + ["@cuda//:cudart", "@gtest//:lib"]
    native.cc_test(
        name = name,
        srcs = _split(name, srcs, [], deps, True),
        deps = deps,
        tags = tags + ["cuda"],
        linkstatic = True,
        target_compatible_with = CUDA_COMPATIBLE_WITH,
        **kwargs
    )

def _link_only_impl(ctx):
    merged = cc_common.merge_cc_infos(cc_infos = [dep[CcInfo] for dep in ctx.attr.deps])
    return [CcInfo(linking_context = merged.linking_context)]

_link_only = rule(
    implementation = _link_only_impl,
    attrs = {"deps": attr.label_list(providers = [CcInfo], mandatory = True)},
)

def cuda_link_only(name, deps, **kwargs):
    """Libraries to link with, without their headers, include directories and defines: what depends on it compiles as if it did not."""
    _link_only(
        name = name,
        deps = deps,
        target_compatible_with = CUDA_COMPATIBLE_WITH,
        **kwargs
    )

def if_cuda(yes, no = []):
    """The first list where there is a CUDA toolkit, the second where there is none: for srcs, deps and the like."""
    return select({"@cuda//:found": yes, "//conditions:default": no})
