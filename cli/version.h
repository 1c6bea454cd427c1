#ifndef DOWNPOUR_CLI_VERSION_H_
#define DOWNPOUR_CLI_VERSION_H_

#include <string>
#include <utility>
#include <vector>

// What this program is and what it was built on, in the order in which people ask.

namespace downpour {

struct VersionFact {
  std::string name;   // a lower-case word, the key of the JSON
  std::string value;  // what people read
};

std::vector<VersionFact> VersionFacts();

// One fact a line for people; one JSON object for machines.
std::string VersionText(const std::vector<VersionFact>& facts);
std::string VersionJson(const std::vector<VersionFact>& facts);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_VERSION_H_
