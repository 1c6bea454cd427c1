#include "tests/data_plane/ledger.h"

#include <vector>

#include "gtest/gtest.h"

namespace downpour {
namespace {

// Table "a" of two shards of 8 and 4 elements, table "b" of one of 3.
ShardMap TestMap() {
  return ShardMap::FromText(R"pb(
           epoch: 1
           servers: 0
           tables { name: "a" dimensions: 12 }
           tables { name: "b" dimensions: 3 }
           shards { table: "a" first_element: 0 element_count: 8 }
           shards { table: "a" first_element: 8 element_count: 4 }
           shards { table: "b" first_element: 0 element_count: 3 }
         )pb")
      .value();
}

// What a right server does.
void Apply(const std::vector<float>& gradient, std::vector<float>& weights, size_t begin = 0, size_t end = 12) {
  for (size_t i = begin; i < end; ++i) weights[i] -= gradient[i];
}

class LedgerTest : public ::testing::Test {
 protected:
  const ShardMap map_ = TestMap();
  Ledger ledger_{map_};
  std::vector<float> weights_ = std::vector<float>(12);
};

TEST_F(LedgerTest, WeightsThatHaveEachAcknowledgedPushOnceAreRight) {
  for (int i = 0; i < 4; ++i) {
    const auto push = ledger_.Add(0);
    ASSERT_TRUE(push.has_value());
    Apply(ledger_.GradientOf(*push), weights_);
    ledger_.Record(*push, Ledger::Fate::kApplied);
  }
  EXPECT_EQ(ledger_.Audit(0, weights_), absl::OkStatus());
  EXPECT_EQ(ledger_.counts().applied, 8);
}

TEST_F(LedgerTest, AnUnknownPushMayBeThereOnceOrNotButNotTwice) {
  const auto push = ledger_.Add(0);
  EXPECT_EQ(ledger_.Audit(0, weights_), absl::OkStatus());
  Apply(ledger_.GradientOf(*push), weights_, 0, 8);  // in one of its shards
  EXPECT_EQ(ledger_.Audit(0, weights_), absl::OkStatus());
  Apply(ledger_.GradientOf(*push), weights_, 0, 8);
  EXPECT_EQ(ledger_.Audit(0, weights_).code(), absl::StatusCode::kDataLoss);
}

TEST_F(LedgerTest, AnAcknowledgedPushThatIsMissingIsFound) {
  const auto push = ledger_.Add(0);
  ledger_.Record(*push, map_.ShardsOfTable(0).begin, Ledger::Fate::kApplied);
  EXPECT_EQ(ledger_.Audit(0, weights_).code(), absl::StatusCode::kDataLoss);
}

TEST_F(LedgerTest, ARefusedPushThatIsThereIsFound) {
  const auto push = ledger_.Add(0);
  Apply(ledger_.GradientOf(*push), weights_);
  ledger_.Record(*push, Ledger::Fate::kNotApplied);
  EXPECT_EQ(ledger_.Audit(0, weights_).code(), absl::StatusCode::kDataLoss);
}

TEST_F(LedgerTest, APushThatIsThereInPartIsFound) {
  const auto push = ledger_.Add(0);
  Apply(ledger_.GradientOf(*push), weights_, 0, 5);
  EXPECT_EQ(ledger_.Audit(0, weights_).code(), absl::StatusCode::kDataLoss);
}

TEST_F(LedgerTest, APushThatOvertookAnotherOfItsTableIsStillTheRightOne) {
  const auto first = ledger_.Add(0);
  const auto second = ledger_.Add(0);
  Apply(ledger_.GradientOf(*second), weights_);
  ledger_.Record(*second, Ledger::Fate::kApplied);
  ledger_.Record(*first, Ledger::Fate::kNotApplied);
  EXPECT_EQ(ledger_.Audit(0, weights_), absl::OkStatus());
}

TEST_F(LedgerTest, ATableHasRoomForAsManyPushesAsItsSmallestShardHasElements) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ledger_.Add(0).has_value());
  EXPECT_FALSE(ledger_.Add(0).has_value());
}

}  // namespace
}  // namespace downpour
