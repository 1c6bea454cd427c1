"""`cc_proto`: protobuf and gRPC code in C++ from the system's protoc; `py_proto_sources`: messages in Python."""

_ProtoInfo = provider("What other protos may import.", fields = {"sources": "depset of .proto files, transitive"})

def _generate_impl(ctx):
    sources = depset(ctx.files.srcs, transitive = [dep[_ProtoInfo].sources for dep in ctx.attr.deps])
    suffixes = [".pb.h", ".pb.cc"] + ([".grpc.pb.h", ".grpc.pb.cc"] if ctx.attr.grpc else [])
    outputs = []
    for source in ctx.files.srcs:
        stem = source.basename[:-len(".proto")]
        outputs += [ctx.actions.declare_file(stem + suffix) for suffix in suffixes]
    arguments = ctx.actions.args()
    arguments.add("--proto_path=.")
    arguments.add("--fatal_warnings")
    arguments.add("--cpp_out=" + ctx.bin_dir.path)
    if ctx.attr.grpc:
        arguments.add(ctx.file._grpc_plugin, format = "--plugin=protoc-gen-grpc=%s")
        arguments.add("--grpc_out=" + ctx.bin_dir.path)
    arguments.add_all(ctx.files.srcs)
    ctx.actions.run(
        executable = ctx.file._protoc,
        inputs = sources,
        tools = [ctx.file._grpc_plugin] if ctx.attr.grpc else [],
        outputs = outputs,
        arguments = [arguments],
        mnemonic = "Protoc",
        progress_message = "Generating protobuf code %s" % ctx.label,
    )
    return [
        _ProtoInfo(sources = sources),
        DefaultInfo(files = depset(outputs)),
        OutputGroupInfo(
            headers = depset([file for file in outputs if file.extension == "h"]),
            code = depset([file for file in outputs if file.extension == "cc"]),
        ),
    ]

_generate = rule(
    implementation = _generate_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".proto"]),
        "deps": attr.label_list(providers = [_ProtoInfo]),
        "grpc": attr.bool(),
        "_protoc": attr.label(default = "@protobuf//:protoc", allow_single_file = True),
        "_grpc_plugin": attr.label(default = "@grpc//:grpc_cpp_plugin", allow_single_file = True),
    },
)

def _proto_name(label):
    """The label of the generating target that stands behind a `cc_proto` label."""
    if ":" in label:
        return label + "_generate"
    return label + ":" + label.split("/")[-1] + "_generate"

def cc_proto(name, srcs, deps = [], grpc = False, visibility = None, testonly = False):
    """A C++ library of the messages (and services, with grpc) of some .proto files.

    Args:
      name: of the library.
      srcs: .proto files; other packages import them by their path from the root of the repository.
      deps: other `cc_proto` targets whose files these import.
      grpc: also generate the services.
      visibility: as everywhere.
      testonly: as everywhere.
    """
    generate = name + "_generate"
    _generate(
        name = generate,
        srcs = srcs,
        deps = [_proto_name(dep) for dep in deps],
        grpc = grpc,
        visibility = visibility,
        testonly = testonly,
    )
    for group in ["headers", "code"]:
        native.filegroup(
            name = name + "_" + group,
            srcs = [generate],
            output_group = group,
            visibility = ["//visibility:private"],
            testonly = testonly,
        )
    native.cc_library(
        name = name,
        srcs = [name + "_code"],
        hdrs = [name + "_headers"],
        visibility = visibility,
        testonly = testonly,
        deps = deps + ["@protobuf//:lib"] + (["@grpc//:lib"] if grpc else []),
    )

def _py_proto_sources_impl(ctx):
    sources = depset(transitive = [dep[_ProtoInfo].sources for dep in ctx.attr.protos])
    outputs = []
    arguments = ctx.actions.args()
    root = ctx.bin_dir.path + "/" + ctx.label.package
    arguments.add("--proto_path=.")
    arguments.add("--python_out=" + root)
    for source in sources.to_list():
        outputs.append(ctx.actions.declare_file(source.path[:-len(".proto")].replace("-", "_") + "_pb2.py"))
        arguments.add(source)
    ctx.actions.run(
        executable = ctx.file._protoc,
        inputs = sources,
        outputs = outputs,
        arguments = [arguments],
        mnemonic = "ProtocPython",
        progress_message = "Generating Python protobuf code %s" % ctx.label,
    )
    return [DefaultInfo(files = depset(outputs))]

_py_proto_sources = rule(
    implementation = _py_proto_sources_impl,
    attrs = {
        "protos": attr.label_list(providers = [_ProtoInfo]),
        "_protoc": attr.label(default = "@protobuf//:protoc", allow_single_file = True),
    },
)

def py_proto_sources(name, protos, visibility = None):
    """Python modules of the messages of some `cc_proto` targets, and of all that these import.

    They are srcs of a py_library with `imports = ["."]`, and are imported as `proto.data_plane_pb2`.

    Args:
      name: of the files.
      protos: `cc_proto` targets.
      visibility: as everywhere.
    """
    _py_proto_sources(
        name = name,
        protos = [_proto_name(proto) for proto in protos],
        visibility = visibility,
    )
