#include "server/consistency/policy_factory.h"

#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

PolicyConfig Config(const std::string& text) {
  PolicyConfig config;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &config)) << text;
  return config;
}

std::string StateOf(const std::string& text) {
  const auto policy = MakePolicy(Config(text));
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy.ok() ? (*policy)->Save() : "";
}

TEST(PolicyFactoryTest, MakesTheRuleThatTheFileNames) {
  EXPECT_THAT(StateOf(""), StartsWith("async 1\n"));
  EXPECT_THAT(StateOf("async { fetch_every: 4 push_every: 2 }"), StartsWith("async 1\n"));
  EXPECT_THAT(StateOf("bounded_staleness {}"), StartsWith("bounded_staleness 1\n"));
  EXPECT_THAT(StateOf("sync {}"), StartsWith("sync 1\n"));
  EXPECT_THAT(StateOf("model_averaging {}"), StartsWith("model_averaging 1\n"));
  EXPECT_THAT(StateOf("model_averaging { asynchronous: true }"), StartsWith("async_model_averaging 1\n"));
  EXPECT_THAT(StateOf("elastic_averaging {}"), StartsWith("elastic_averaging 1\n"));
  EXPECT_THAT(StateOf("sync {} warm_start {}"), StartsWith("warm_start 1\n"));
}

TEST(PolicyFactoryTest, UsesTheDocumentedDefaults) {
  const auto bounded = *MakePolicy(Config("bounded_staleness {}"));
  bounded->WorkerJoined(1, 0);
  bounded->WorkerJoined(2, 0);
  EXPECT_TRUE(bounded->MayAnswer({.worker = 1, .clock = 4}));
  EXPECT_FALSE(bounded->MayAnswer({.worker = 1, .clock = 5}));

  const auto averaging = *MakePolicy(Config("model_averaging {}"));
  averaging->WorkerJoined(1, 0);
  averaging->OnPush({.worker = 1, .push_id = 1, .clock = 16});
  EXPECT_TRUE(averaging->TakeReady().has_value());
  EXPECT_EQ(averaging->JoinClock(), 16u);

  const auto elastic = *MakePolicy(Config("elastic_averaging {}"));
  elastic->WorkerJoined(1, 0);
  EXPECT_EQ(elastic->OnPush({.worker = 1, .clock = 16}).gradient_scale, 0.1f);

  const auto warm = *MakePolicy(Config("warm_start {}"));
  warm->WorkerJoined(1, 0);
  warm->WorkerJoined(2, 0);
  warm->OnPush({.worker = 1, .clock = 999});
  EXPECT_FALSE(warm->MayAnswer({.worker = 2, .clock = 0}));
  warm->OnPush({.worker = 1, .clock = 1000});
  EXPECT_TRUE(warm->MayAnswer({.worker = 2, .clock = 0}));
}

TEST(PolicyFactoryTest, KnowsWhichRulesApplyAGradientByItself) {
  EXPECT_TRUE(AppliesGradientsAlone(Config("")));
  EXPECT_TRUE(AppliesGradientsAlone(Config("async {}")));
  EXPECT_TRUE(AppliesGradientsAlone(Config("bounded_staleness {}")));
  EXPECT_FALSE(AppliesGradientsAlone(Config("sync {}")));
  EXPECT_FALSE(AppliesGradientsAlone(Config("model_averaging { asynchronous: true }")));
  EXPECT_FALSE(AppliesGradientsAlone(Config("elastic_averaging {}")));
}

TEST(PolicyFactoryTest, KnowsWhichRulesHoldPushes) {
  EXPECT_FALSE(HoldsPushes(Config("")));
  EXPECT_FALSE(HoldsPushes(Config("bounded_staleness {}")));
  EXPECT_FALSE(HoldsPushes(Config("elastic_averaging {}")));
  EXPECT_FALSE(HoldsPushes(Config("model_averaging { asynchronous: true }")));
  EXPECT_TRUE(HoldsPushes(Config("model_averaging {}")));
  EXPECT_TRUE(HoldsPushes(Config("sync {}")));
  EXPECT_TRUE(HoldsPushes(Config("sync {} warm_start {}")));
}

TEST(PolicyFactoryTest, StalenessAwareRateIsWired) {
  const auto policy = *MakePolicy(Config("bounded_staleness { bound: 9 } staleness_aware_rate: true"));
  policy->WorkerJoined(1, 0);
  EXPECT_EQ(policy->OnPush({.worker = 1, .clock = 1, .version_pulled = 0, .version_now = 4}).rate_scale, 0.25f);
}

struct Wrong {
  std::string text;
  std::string message;  // part of it
};

TEST(PolicyFactoryTest, NamesTheFieldTheValueAndTheWayOut) {
  const Wrong wrongs[] = {
      {"async { fetch_every: 0 }", "policy.async.fetch_every is 0, but must be at least 1; 1 pulls after every step"},
      {"async { push_every: 0 }", "policy.async.push_every is 0, but must be at least 1"},
      {"sync { required: 0 }", "policy.sync.required is 0, but must be at least 1; leave it out to wait for all"},
      {"model_averaging { local_steps: 0 }", "policy.model_averaging.local_steps is 0, but must be at least 1"},
      {"elastic_averaging { period: 0 }", "policy.elastic_averaging.period is 0, but must be at least 1"},
      {"elastic_averaging { rho: 0 }", "policy.elastic_averaging.rho is 0, but must be above 0 and below 1"},
      {"elastic_averaging { rho: 1 }", "policy.elastic_averaging.rho is 1, but must be above 0 and below 1"},
      {"elastic_averaging { rho: nan }", "policy.elastic_averaging.rho is nan"},
      {"elastic_averaging { rho: 1e-60 }", "policy.elastic_averaging.rho is 1e-60"},
      {"sync {} staleness_aware_rate: true",
       "policy.staleness_aware_rate goes with async and bounded_staleness, which apply each gradient by itself, not "
       "with sync; take one of the two out"},
      {"warm_start { steps: 0 }", "policy.warm_start.steps is 0, but must be at least 1; leave warm_start out"},
  };
  for (const Wrong& wrong : wrongs) {
    const absl::Status status = CheckPolicyConfig(Config(wrong.text));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << wrong.text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(wrong.message));
    EXPECT_EQ(MakePolicy(Config(wrong.text)).status(), status);
  }
}

}  // namespace
}  // namespace downpour
