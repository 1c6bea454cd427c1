#include "common/base/status.h"

#include <map>
#include <memory>
#include <string>

#include "absl/strings/cord.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

absl::Status Fail() { return absl::NotFoundError("no such table"); }

TEST(StatusTest, ReturnIfErrorPassesTheErrorOnAndSkipsTheRest) {
  bool reached = false;
  const auto function = [&]() -> absl::Status {
    DP_RETURN_IF_ERROR(absl::OkStatus());
    DP_RETURN_IF_ERROR(Fail());
    reached = true;
    return absl::OkStatus();
  };
  EXPECT_EQ(function(), Fail());
  EXPECT_FALSE(reached);
}

TEST(StatusTest, ReturnIfErrorEvaluatesItsExpressionOnce) {
  int calls = 0;
  const auto count = [&] {
    ++calls;
    return absl::OkStatus();
  };
  const auto function = [&]() -> absl::StatusOr<int> {
    DP_RETURN_IF_ERROR(count());
    return 7;
  };
  EXPECT_EQ(*function(), 7);
  EXPECT_EQ(calls, 1);
}

TEST(StatusTest, AssignOrReturnDeclaresAndAssigns) {
  const auto function = []() -> absl::StatusOr<int> {
    DP_ASSIGN_OR_RETURN(int sum, absl::StatusOr<int>(40));
    DP_ASSIGN_OR_RETURN(const int two, absl::StatusOr<int>(2));
    sum += two;
    DP_ASSIGN_OR_RETURN(sum, absl::StatusOr<int>(sum + 1));
    return sum;
  };
  EXPECT_EQ(*function(), 43);
}

TEST(StatusTest, AssignOrReturnMovesAndAllowsCommasInTheExpression) {
  const auto function = []() -> absl::StatusOr<std::unique_ptr<int>> {
    DP_ASSIGN_OR_RETURN(const auto map, absl::StatusOr<std::map<int, int>>(std::map<int, int>{{1, 2}}));
    DP_ASSIGN_OR_RETURN(auto pointer, absl::StatusOr<std::unique_ptr<int>>(std::make_unique<int>(map.at(1))));
    return pointer;
  };
  EXPECT_EQ(**function(), 2);
}

TEST(StatusTest, AssignOrReturnPassesTheErrorOn) {
  const auto function = []() -> absl::Status {
    DP_ASSIGN_OR_RETURN(const int value, absl::StatusOr<int>(Fail()));
    ADD_FAILURE() << "went on with " << value;
    return absl::OkStatus();
  };
  EXPECT_EQ(function(), Fail());
}

TEST(StatusTest, AnnotateKeepsCodeAndPayloadsAndPrefixesTheMessage) {
  absl::Status status = Fail();
  status.SetPayload("type.example/map", absl::Cord("new map"));
  const absl::Status annotated = Annotate(status, "push to server/0");
  EXPECT_EQ(annotated.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(annotated.message(), "push to server/0: no such table");
  ASSERT_TRUE(annotated.GetPayload("type.example/map").has_value());
  EXPECT_EQ(*annotated.GetPayload("type.example/map"), absl::Cord("new map"));
}

TEST(StatusTest, AnnotateLeavesSuccessAlone) {
  EXPECT_EQ(Annotate(absl::OkStatus(), "context"), absl::OkStatus());
  EXPECT_EQ(*Annotate(absl::StatusOr<int>(3), "context"), 3);
}

TEST(StatusTest, AnnotateWorksOnStatusOr) {
  EXPECT_EQ(Annotate(absl::StatusOr<int>(Fail()), "reading").status().message(), "reading: no such table");
}

}  // namespace
}  // namespace downpour
