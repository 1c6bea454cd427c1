#include "common/base/version_facts.h"

#include <gtest/gtest.h>

#include "common/base/version.h"
#include "nlohmann/json.hpp"

namespace downpour {
namespace {

TEST(VersionTest, NamesTheProgramFirstAndEveryLibraryWithANumber) {
  const std::vector<VersionFact> facts = VersionFacts();
  ASSERT_FALSE(facts.empty());
  EXPECT_EQ(facts[0].name, "downpour");
  EXPECT_EQ(facts[0].value, kVersion);
  for (const VersionFact& fact : facts) {
    EXPECT_EQ(fact.value.find("DOWNPOUR_"), std::string::npos) << fact.name << " lacks its define: " << fact.value;
    EXPECT_FALSE(fact.value.empty()) << fact.name;
  }
}

TEST(VersionTest, AlignsTheLinesForPeople) {
  EXPECT_EQ(VersionText({{"grpc", "1.2"}, {"averylongname", "3"}}), "grpc        1.2\naverylongname 3\n");
}

TEST(VersionTest, WritesJsonThatAParserReadsBack) {
  const auto json = nlohmann::json::parse(VersionJson({{"grpc", "1\"2"}, {"abseil", "3"}}));
  EXPECT_EQ(json["grpc"], "1\"2");
  EXPECT_EQ(json["abseil"], "3");
}

}  // namespace
}  // namespace downpour
