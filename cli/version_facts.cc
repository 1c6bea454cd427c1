#include <cstdio>
#include <string>
#include <vector>

#include "cli/version.h"
#include "common/base/version.h"
#include "kernels/cuda/device.h"
#include "nlohmann/json.hpp"

// The build gives each system library's version as a bare token; see deploy/bazel/system_library.bzl.
#define DOWNPOUR_QUOTE_TOKEN(token) #token
#define DOWNPOUR_QUOTE(macro) DOWNPOUR_QUOTE_TOKEN(macro)

namespace downpour {
namespace {

std::string Compiler() {
#if defined(__clang__)
  return "clang " DOWNPOUR_QUOTE(__clang_major__) "." DOWNPOUR_QUOTE(__clang_minor__);
#else
  return "gcc " DOWNPOUR_QUOTE(__GNUC__) "." DOWNPOUR_QUOTE(__GNUC_MINOR__);
#endif
}

std::string Sanitizer() {
#if defined(__SANITIZE_ADDRESS__)
  return "address";
#elif defined(__SANITIZE_THREAD__)
  return "thread";
#else
  return "none";
#endif
}

// The GPUs here, or why there are none.
std::string Cuda() {
  const auto devices = ListCudaDevices();
  if (!devices.ok()) return (BuiltWithCuda() ? "built in; " : "") + std::string(devices.status().message());
  std::string text = std::to_string(devices->size()) + (devices->size() == 1 ? " device: " : " devices: ");
  for (const CudaDeviceInfo& device : *devices) {
    text += (device.index == 0 ? "" : ", ") + ("cuda:" + std::to_string(device.index)) + " " + device.name;
  }
  return text;
}

}  // namespace

std::vector<VersionFact> VersionFacts() {
  return {
      {"downpour", kVersion},
      {"compiler", Compiler()},
      {"sanitizer", Sanitizer()},
      {"grpc", DOWNPOUR_QUOTE(DOWNPOUR_GRPC_VERSION)},
      {"protobuf", DOWNPOUR_QUOTE(DOWNPOUR_PROTOBUF_VERSION)},
      {"abseil", DOWNPOUR_QUOTE(DOWNPOUR_ABSL_VERSION)},
      {"onednn", DOWNPOUR_QUOTE(DOWNPOUR_ONEDNN_VERSION)},
      {"highway", DOWNPOUR_QUOTE(DOWNPOUR_HIGHWAY_VERSION)},
      {"cuda", Cuda()},
  };
}

std::string VersionText(const std::vector<VersionFact>& facts) {
  std::string text;
  for (const VersionFact& fact : facts) {
    text += fact.name + std::string(fact.name.size() < 12 ? 12 - fact.name.size() : 1, ' ') + fact.value + "\n";
  }
  return text;
}

std::string VersionJson(const std::vector<VersionFact>& facts) {
  nlohmann::ordered_json json;
  for (const VersionFact& fact : facts) json[fact.name] = fact.value;
  return json.dump() + "\n";
}

}  // namespace downpour
