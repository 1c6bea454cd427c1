"""The CUDA toolkit of this machine as the repository `@cuda`, whether there is one or not.

Looked for in CUDA_HOME where that is set, in /usr/local/cuda otherwise: nvcc, the static runtime, cuBLAS and cuDNN 9, all
of them or none. DOWNPOUR_CUDA=0 (`--config=nocuda`) says that there is none. Something missing is one printed line, never an
error: the targets that need CUDA fall away and everything else builds (cuda.bzl says how). Bazel looks again when it
starts; `bazel sync --configure` makes it look at once.

What it offers is the same on every machine, so that BUILD files and queries read alike everywhere:

  @cuda//:defs.bzl       CUDA_FOUND, CUDA_VERSION, CUDNN_VERSION, CUDA_HOME, CUDA_NVCC, CUDA_HOST_COMPILER,
                         CUDA_COMPATIBLE_WITH (what `target_compatible_with` is to be for a target that needs CUDA)
  @cuda//:found          a config_setting for `select`
  @cuda//:cudart         the runtime, linked statically, so that a binary starts on a machine without CUDA
  @cuda//:cublas         cuBLAS and cuBLASLt } shared, found again at run time where they were
  @cuda//:cudnn          cuDNN 9             } at build time
  @cuda//:nccl_headers   nccl.h, where it is there
"""

_OLDEST_CUDA = 12  # the first whose nvcc speaks C++20 and knows sm_90a
_CUDNN_MAJOR = "9"

# The runtime's headers are whatever lies in include/ and belongs to none of these.
_NOT_RUNTIME_HEADERS = [
    "include/%s*" % library
    for library in ["cublas", "cudnn", "cufft", "cupti", "curand", "cusolver", "cusparse", "nccl", "nvperf", "nvrtc"]
]

def _first_existing(ctx, directories, name):
    for directory in directories:
        if ctx.path(directory + "/" + name).exists:
            return directory
    return None

def _cudnn_version(ctx, directory):
    """The version that cudnn_version.h states in macros, such as "9.19.0", with "?" for what it does not state."""
    header = ctx.path(directory + "/cudnn_version.h")
    stated = {}
    for line in (ctx.read(header) if header.exists else "").split("\n"):
        words = [word for word in line.replace("\t", " ").split(" ") if word]
        if len(words) >= 3 and words[0] == "#define":
            stated[words[1]] = words[2]
    return ".".join([stated.get("CUDNN_" + part, "?") for part in ["MAJOR", "MINOR", "PATCHLEVEL"]])

def _nvcc_version(ctx, nvcc):
    """What nvcc says of itself, such as "13.0.88", or None where it does not run."""
    result = ctx.execute([nvcc, "--version"])
    if result.return_code != 0:
        return None
    for line in result.stdout.split("\n"):
        if ", V" in line:
            return line.split(", V")[1].strip()
    return None

def _find(ctx):
    """Returns (what was found, None), or (None, why not); the reason is empty where nobody can have expected CUDA."""
    environ = ctx.os.environ
    if environ.get("DOWNPOUR_CUDA", "") == "0":
        return None, ""
    asked = environ.get("CUDA_HOME", "").rstrip("/")
    home = asked or "/usr/local/cuda"
    nvcc = home + "/bin/nvcc"
    if not ctx.path(nvcc).exists:
        return None, "CUDA_HOME is %s, but there is no %s" % (asked, nvcc) if asked else ""
    version = _nvcc_version(ctx, nvcc)
    if not version:
        return None, "%s does not run" % nvcc
    if int(version.split(".")[0]) < _OLDEST_CUDA:
        return None, "%s is version %s, %d.0 or newer is needed" % (nvcc, version, _OLDEST_CUDA)
    host_compiler = ctx.which("g++")
    if not host_compiler:
        return None, "nvcc needs g++, which is not installed"

    # cuDNN comes from a package of its own, which may put it beside the compiler's other headers and libraries.
    toolkit_libraries = [home + "/lib64", home + "/lib", home + "/targets/x86_64-linux/lib"]
    system_headers = ["/usr/include", "/usr/include/x86_64-linux-gnu", "/usr/local/include"]
    system_libraries = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/local/lib", "/usr/lib"]
    headers = home + "/include"
    cudart = _first_existing(ctx, toolkit_libraries, "libcudart_static.a")
    cublas = _first_existing(ctx, toolkit_libraries, "libcublas.so")
    cudnn = _first_existing(ctx, toolkit_libraries + system_libraries, "libcudnn.so")
    cudnn_headers = _first_existing(ctx, [headers] + system_headers, "cudnn.h")
    missing = [what for what, there in [
        ("cuda_runtime.h", ctx.path(headers + "/cuda_runtime.h").exists),
        ("libcudart_static.a", cudart),
        ("cuBLAS (cublas_v2.h)", ctx.path(headers + "/cublas_v2.h").exists),
        ("cuBLAS (libcublas.so)", cublas),
        ("cuBLAS (libcublasLt.so)", cublas and ctx.path(cublas + "/libcublasLt.so").exists),
        ("cuDNN 9 (cudnn.h)", cudnn_headers),
        ("cuDNN 9 (libcudnn.so)", cudnn),
    ] if not there]
    if missing:
        return None, "the toolkit at %s lacks %s" % (home, ", ".join(missing))
    cudnn_version = _cudnn_version(ctx, cudnn_headers)
    if cudnn_version.split(".")[0] != _CUDNN_MAJOR:
        return None, "cuDNN %s is needed, the one in %s is %s" % (_CUDNN_MAJOR, cudnn_headers, cudnn_version)
    return struct(
        home = home,
        nvcc = nvcc,
        version = version,
        host_compiler = str(host_compiler),
        cudart = cudart,
        cublas = cublas,
        cudnn = cudnn,
        cudnn_in_toolkit = cudnn_headers == headers,
        cudnn_version = cudnn_version,
    ), ""

def _library(name, compatible, hdrs = [], exclude = [], defines = [], linkopts = [], deps = []):
    return """
cc_library(
    name = {name},
    hdrs = glob({hdrs}, exclude = {exclude}),
    defines = {defines},
    includes = {includes},
    linkopts = {linkopts},
    target_compatible_with = {compatible},
    deps = {deps},
)
""".format(
        name = repr(name),
        hdrs = repr(hdrs),
        exclude = repr(exclude),
        defines = repr(defines),
        includes = repr(["include", "include/cccl"] if hdrs else []),
        linkopts = repr(linkopts),
        compatible = repr(compatible),
        deps = repr(deps),
    )

def _impl(ctx):
    cuda, why_not = _find(ctx)
    compatible = [] if cuda else ["@cuda//:toolkit"]
    if why_not:
        # buildifier: disable=print
        print("building without CUDA: %s (after a change there: bazel sync --configure)" % why_not)
    ctx.file("defs.bzl", "".join(["%s = %s\n" % (name, repr(value)) for name, value in [
        ("CUDA_FOUND", bool(cuda)),
        ("CUDA_VERSION", cuda.version if cuda else None),
        ("CUDNN_VERSION", cuda.cudnn_version if cuda else None),
        ("CUDA_HOME", cuda.home if cuda else None),
        ("CUDA_NVCC", cuda.nvcc if cuda else None),
        ("CUDA_HOST_COMPILER", cuda.host_compiler if cuda else None),
        ("CUDA_COMPATIBLE_WITH", compatible),
    ]]))

    # A constraint that no platform has stands for "no toolkit here"; every platform that we build for has linux.
    build = """package(default_visibility = ["//visibility:public"])
constraint_setting(name = "cuda")
constraint_value(name = "toolkit", constraint_setting = ":cuda")
config_setting(name = "found", constraint_values = [{}])
""".format(repr("@platforms//os:linux" if cuda else ":toolkit"))
    if not cuda:
        for name in ["cudart", "cublas", "cudnn", "nccl_headers"]:
            build += _library(name, compatible)
        ctx.file("BUILD", build)
        return

    # The headers are reached through a link, because Bazel wants every header of an action below its own root, and they
    # come with -isystem, so that warnings stay ours. The versions ride along as defines: what was built with another
    # version is built again.
    ctx.symlink(cuda.home + "/include", "include")
    build += _library(
        "cudart",
        compatible,
        hdrs = ["include/*.h", "include/*.hpp"] +
               ["include/%s/**" % folder for folder in ["crt", "cooperative_groups", "nv", "cccl/nv"]],
        exclude = _NOT_RUNTIME_HEADERS,
        defines = ["DOWNPOUR_CUDA_VERSION=" + cuda.version],
        linkopts = ["-L" + cuda.cudart, "-lcudart_static", "-ldl", "-lrt", "-lpthread"],
    )
    build += _library(
        "cublas",
        compatible,
        hdrs = ["include/cublas*.h"],
        linkopts = ["-L" + cuda.cublas, "-Wl,-rpath," + cuda.cublas, "-lcublas", "-lcublasLt"],
        deps = [":cudart"],
    )
    build += _library(
        "cudnn",
        compatible,
        hdrs = ["include/cudnn*.h"] if cuda.cudnn_in_toolkit else [],
        defines = ["DOWNPOUR_CUDNN_VERSION=" + cuda.cudnn_version],
        linkopts = ["-L" + cuda.cudnn, "-Wl,-rpath," + cuda.cudnn, "-lcudnn"],
        deps = [":cudart"],
    )
    build += _library(
        "nccl_headers",
        compatible,
        hdrs = ["include/nccl*.h", "include/nccl_device/**"],
        deps = [":cudart"],
    )
    ctx.file("BUILD", build)

cuda_repository = repository_rule(
    implementation = _impl,
    environ = ["CUDA_HOME", "DOWNPOUR_CUDA"],
    configure = True,
    local = True,
    doc = "Finds the CUDA toolkit; without one the repository is there all the same, and says so.",
)
