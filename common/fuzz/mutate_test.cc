#include "common/fuzz/mutate.h"

#include <set>

#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(MutateTest, GivesTheSameEachTime) {
  PhiloxStream first(1, 2), second(1, 2);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(Mutate("some input", "another", &first), Mutate("some input", "another", &second));
}

TEST(MutateTest, GivesManyDifferentInputs) {
  PhiloxStream random(1, 0);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(Mutate("some input", "another", &random));
  EXPECT_GT(seen.size(), 700u);
}

TEST(MutateTest, TakesEmptyInputs) {
  PhiloxStream random(1, 0);
  for (int i = 0; i < 1000; ++i) EXPECT_LE(Mutate("", "", &random).size(), 64u);
}

}  // namespace
}  // namespace downpour
