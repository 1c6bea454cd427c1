#include "server/consistency/policy_conformance.h"

#include <string>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "proto/policy.pb.h"
#include "server/consistency/policy_factory.h"

namespace downpour::testing {
namespace {

PolicyCase FromText(const std::string& name, const std::string& text, uint64_t steps = 1) {
  PolicyConfig config;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &config)) << text;
  return {.name = name, .make = [config] { return *MakePolicy(config); }, .steps = steps};
}

INSTANTIATE_TEST_SUITE_P(
    AllPolicies, PolicyConformance,
    ::testing::Values(FromText("Async", "async {}"),
                      FromText("StalenessAwareRate", "async {} staleness_aware_rate: true"),
                      FromText("BulkSynchronous", "bounded_staleness { bound: 0 }"),
                      FromText("BoundedStaleness", "bounded_staleness { bound: 3 }"), FromText("Sync", "sync {}"),
                      FromText("SyncWithBackups", "sync { required: 3 }"),
                      FromText("SyncWithOne", "sync { required: 1 }"),
                      FromText("ModelAveraging", "model_averaging { local_steps: 8 }", 8),
                      FromText("AsyncModelAveraging", "model_averaging { asynchronous: true }", 16),
                      FromText("ElasticAveraging", "elastic_averaging {}", 16),
                      FromText("WarmAsync", "async {} warm_start { steps: 9 }"),
                      FromText("WarmBoundedStaleness", "bounded_staleness { bound: 1 } warm_start { steps: 9 }"),
                      FromText("WarmSync", "sync { required: 2 } warm_start { steps: 9 }"),
                      FromText("WarmModelAveraging", "model_averaging { local_steps: 8 } warm_start { steps: 20 }", 8)),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace downpour::testing
