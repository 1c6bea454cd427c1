#ifndef DOWNPOUR_COMMON_BASE_VERSION_FACTS_H_
#define DOWNPOUR_COMMON_BASE_VERSION_FACTS_H_

#include <string>
#include <vector>

// What a program is and what it was built on, in the order in which people ask.

namespace downpour {

struct VersionFact {
  std::string name;   // a lower-case word, the key of the JSON
  std::string value;  // what people read
};

// What all our programs share; each adds what only it has.
std::vector<VersionFact> VersionFacts();

// One fact a line for people; one JSON object for machines.
std::string VersionText(const std::vector<VersionFact>& facts);
std::string VersionJson(const std::vector<VersionFact>& facts);

}  // namespace downpour

// The build gives each system library's version as a bare token; see deploy/bazel/system_library.bzl.
#define DOWNPOUR_QUOTE_TOKEN(token) #token
#define DOWNPOUR_QUOTE(macro) DOWNPOUR_QUOTE_TOKEN(macro)

#endif  // DOWNPOUR_COMMON_BASE_VERSION_FACTS_H_
