"""Every library that Downpour takes from the system: one place to see what it stands on."""

load(":system_library.bzl", "system_library")

def system_libraries():
    system_library(
        name = "absl",
        package = "libabsl-dev",
        header = "absl/status/statusor.h",
        pkg_config = [
            "absl_status",
            "absl_statusor",
            "absl_strings",
            "absl_str_format",
            "absl_synchronization",
            "absl_time",
            "absl_flat_hash_map",
            "absl_flat_hash_set",
            "absl_inlined_vector",
            "absl_span",
            "absl_flags",
            "absl_flags_parse",
            "absl_flags_usage",
            "absl_failure_signal_handler",
        ],
    )
    system_library(
        name = "benchmark",
        package = "libbenchmark-dev",
        header = "benchmark/benchmark.h",
        pkg_config = ["benchmark"],
        linkopts = ["-lpthread"],
    )
    system_library(
        name = "cli11",
        package = "libcli11-dev",
        header = "CLI/CLI.hpp",
        version_header = "Version.hpp",
        version_macros = ["CLI11_VERSION_MAJOR", "CLI11_VERSION_MINOR", "CLI11_VERSION_PATCH"],
    )
    system_library(
        name = "curl",
        package = "libcurl4-openssl-dev",
        header = "curl/curl.h",
        version_header = "curlver.h",
        version_macros = ["LIBCURL_VERSION_MAJOR", "LIBCURL_VERSION_MINOR", "LIBCURL_VERSION_PATCH"],
        linkopts = ["-lcurl"],
    )
    system_library(
        name = "grpc",
        package = "libgrpc++-dev protobuf-compiler-grpc",
        header = "grpcpp/grpcpp.h",
        pkg_config = ["grpc++"],
        tools = ["grpc_cpp_plugin"],
    )
    system_library(
        name = "gtest",
        package = "libgtest-dev libgmock-dev",
        header = "gmock/gmock.h",
        pkg_config = ["gtest", "gmock_main"],
        linkopts = ["-lpthread"],
    )
    system_library(
        name = "highway",
        package = "libhwy-dev",
        header = "hwy/highway.h",
        pkg_config = ["libhwy"],
    )
    system_library(
        name = "json",
        package = "nlohmann-json3-dev",
        header = "nlohmann/json.hpp",
        pkg_config = ["nlohmann_json"],
    )
    system_library(
        name = "ncurses",
        package = "libncurses-dev",
        header = "curses.h",
        pkg_config = ["ncursesw"],
    )
    system_library(
        name = "onednn",
        package = "libdnnl-dev",
        header = "dnnl.hpp",
        version_header = "oneapi/dnnl/dnnl_version.h",
        version_macros = ["DNNL_VERSION_MAJOR", "DNNL_VERSION_MINOR", "DNNL_VERSION_PATCH"],
        linkopts = ["-ldnnl"],
    )
    system_library(
        name = "openssl",
        package = "libssl-dev",
        header = "openssl/x509.h",
        pkg_config = ["libcrypto"],
    )
    system_library(
        name = "prometheus",
        package = "prometheus-cpp-dev",
        header = "prometheus/registry.h",
        pkg_config = ["prometheus-cpp-core", "prometheus-cpp-pull"],
    )
    system_library(
        name = "protobuf",
        package = "libprotobuf-dev protobuf-compiler",
        header = "google/protobuf/message.h",
        pkg_config = ["protobuf"],
        tools = ["protoc"],
    )
    system_library(
        name = "zlib",
        package = "zlib1g-dev",
        header = "zlib.h",
        pkg_config = ["zlib"],
    )
