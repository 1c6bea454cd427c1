#include "common/base/version_facts.h"

#include "common/base/json_string.h"
#include "common/base/version.h"

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

}  // namespace

std::vector<VersionFact> VersionFacts() {
  return {
      {"downpour", kVersion},
      {"compiler", Compiler()},
      {"sanitizer", Sanitizer()},
      {"grpc", DOWNPOUR_QUOTE(DOWNPOUR_GRPC_VERSION)},
      {"protobuf", DOWNPOUR_QUOTE(DOWNPOUR_PROTOBUF_VERSION)},
      {"abseil", DOWNPOUR_QUOTE(DOWNPOUR_ABSL_VERSION)},
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
  std::string json = "{";
  for (const VersionFact& fact : facts) {
    json += (json.size() > 1 ? "," : "") + JsonString(fact.name) + ":" + JsonString(fact.value);
  }
  return json + "}\n";
}

}  // namespace downpour
