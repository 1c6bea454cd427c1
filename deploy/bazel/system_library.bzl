"""A library that the system provides, as a Bazel repository with one target `//:lib`."""

def _run(ctx, arguments):
    result = ctx.execute(arguments)
    return result.stdout.strip() if result.return_code == 0 else None

def _missing(ctx, what):
    fail("\n\n%s is missing: install it with `deploy/setup.sh`, or `apt-get install %s`.\n" % (what, ctx.attr.package))

def _pkg_config(ctx):
    """Returns (version, link options, include directories) from pkg-config, or fails with the package to install."""
    pkg_config = ctx.which("pkg-config")
    if not pkg_config:
        fail("\n\npkg-config is missing: install it with `deploy/setup.sh`, or `apt-get install pkg-config`.\n")
    modules = ctx.attr.pkg_config
    version = _run(ctx, [pkg_config, "--modversion", modules[0]])
    link = _run(ctx, [pkg_config, "--libs"] + modules)
    include = _run(ctx, [pkg_config, "--cflags-only-I"] + modules)
    if version == None or link == None:
        _missing(ctx, "The library %s (pkg-config %s)" % (ctx.name, " ".join(modules)))

    # pkg-config repeats a library for each module that asks for it; the last occurrence is the one that counts.
    flags = []
    for flag in reversed(link.split(" ")):
        if flag and flag not in flags:
            flags.insert(0, flag)
    return version, flags, [flag[2:] for flag in (include or "").split(" ") if flag]

def _find_header(ctx):
    for directory in ["/usr/include", "/usr/local/include", "/usr/include/x86_64-linux-gnu"]:
        path = ctx.path(directory + "/" + ctx.attr.header)
        if path.exists:
            return path
    _missing(ctx, "The header %s of %s" % (ctx.attr.header, ctx.name))
    return None

def _header_version(ctx, header):
    """The version that a header states in macros such as `#define DNNL_VERSION_MAJOR 2`."""
    if not ctx.attr.version_macros:
        return "system"
    source = ctx.path(str(header.dirname) + "/" + ctx.attr.version_header) if ctx.attr.version_header else header
    found = {}
    for line in ctx.read(source).split("\n"):
        words = [word for word in line.replace("\t", " ").split(" ") if word]
        if len(words) >= 3 and words[0] == "#define" and words[1] in ctx.attr.version_macros:
            found[words[1]] = words[2]
    return ".".join([found.get(macro, "?") for macro in ctx.attr.version_macros])

def _system_library_impl(ctx):
    header = _find_header(ctx)
    if ctx.attr.pkg_config:
        version, flags, includes = _pkg_config(ctx)
    else:
        version, flags, includes = _header_version(ctx, header), [], []
    for include in includes:
        if include != "/usr/include":
            fail("%s keeps its headers in %s, which the C++ toolchain does not search" % (ctx.name, include))
    tools = []
    for tool in ctx.attr.tools:
        path = ctx.which(tool)
        if not path:
            _missing(ctx, "The program %s" % tool)
        ctx.symlink(path, tool)
        tools.append(tool)

    # The version rides along as a define, so that everything built on the library is built again when the system's
    # copy changes: Bazel does not watch headers in /usr/include.
    ctx.file("BUILD", """package(default_visibility = ["//visibility:public"])
exports_files({tools})
cc_library(
    name = "lib",
    defines = ["DOWNPOUR_{macro}_VERSION={version}"],
    linkopts = {linkopts},
)
""".format(
        tools = repr(tools),
        macro = ctx.name.upper(),
        version = version,
        linkopts = repr(["-Wl,--as-needed"] + flags + ctx.attr.linkopts),
    ))

system_library = repository_rule(
    implementation = _system_library_impl,
    attrs = {
        "package": attr.string(mandatory = True, doc = "the Debian package that brings it"),
        "header": attr.string(mandatory = True, doc = "a header that must be there"),
        "pkg_config": attr.string_list(doc = "pkg-config modules, the one with the version first"),
        "linkopts": attr.string_list(doc = "link options beyond what pkg-config says"),
        "version_header": attr.string(doc = "where the version macros are, when not in `header`"),
        "version_macros": attr.string_list(doc = "the macros that make up the version where there is no pkg-config"),
        "tools": attr.string_list(doc = "programs that belong to it, offered as `@name//:tool`"),
    },
    configure = True,
    local = True,
    doc = "Finds a library of the system by pkg-config or header; a missing one fails only the targets that need it.",
)
