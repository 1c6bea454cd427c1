#include "tests/sim/scenario.h"

#include <array>

namespace downpour::sim {
namespace {

using Kind = PolicyFacts::Kind;

constexpr uint32_t kSpareSteps = 192;

// ---- The policies, each with random settings

void Async(PhiloxStream& random, Scenario* scenario) {
  PolicyConfig::Async* rule = scenario->policy.mutable_async();
  scenario->facts.steps = 1 + random.UniformInt(3);
  scenario->facts.fetch_every = 1 + random.UniformInt(3);
  rule->set_push_every(scenario->facts.steps);
  rule->set_fetch_every(scenario->facts.fetch_every);
}

void StalenessAwareRate(PhiloxStream& random, Scenario* scenario) {
  Async(random, scenario);
  scenario->policy.set_staleness_aware_rate(true);
  scenario->facts.staleness_rate = true;
}

void BoundedStaleness(PhiloxStream& random, Scenario* scenario) {
  scenario->facts.kind = Kind::kBounded;
  scenario->facts.bound = random.UniformInt(5);
  scenario->policy.mutable_bounded_staleness()->set_bound(scenario->facts.bound);
}

void Sync(PhiloxStream&, Scenario* scenario) {
  scenario->facts.kind = Kind::kRounds;
  scenario->policy.mutable_sync();
}

void SyncWithBackups(PhiloxStream& random, Scenario* scenario) {
  Sync(random, scenario);
  scenario->facts.required = 1 + random.UniformInt(scenario->workers);
  scenario->policy.mutable_sync()->set_required(scenario->facts.required);
}

void ModelAveraging(PhiloxStream& random, Scenario* scenario) {
  scenario->facts.kind = Kind::kRounds;
  scenario->facts.steps = 1 + random.UniformInt(8);
  scenario->policy.mutable_model_averaging()->set_local_steps(scenario->facts.steps);
}

void AsyncModelAveraging(PhiloxStream& random, Scenario* scenario) {
  ModelAveraging(random, scenario);
  scenario->facts.kind = Kind::kImmediate;
  scenario->facts.fetch_every = scenario->facts.steps;
  scenario->facts.shared_by_live = true;
  scenario->policy.mutable_model_averaging()->set_asynchronous(true);
}

void ElasticAveraging(PhiloxStream& random, Scenario* scenario) {
  constexpr std::array<float, 3> kRhos = {0.5f, 0.25f, 0.125f};
  scenario->facts.scale = kRhos[random.UniformInt(kRhos.size())];
  scenario->facts.steps = scenario->facts.fetch_every = 1 + random.UniformInt(8);
  scenario->policy.mutable_elastic_averaging()->set_rho(scenario->facts.scale);
  scenario->policy.mutable_elastic_averaging()->set_period(scenario->facts.steps);
}

void WarmStart(PhiloxStream& random, Scenario* scenario) {
  constexpr std::array kInner = {Async, BoundedStaleness, Sync, SyncWithBackups, ModelAveraging};
  kInner[random.UniformInt(kInner.size())](random, scenario);
  scenario->facts.warm_steps = scenario->facts.steps * (1 + random.UniformInt(20));
  scenario->policy.mutable_warm_start()->set_steps(scenario->facts.warm_steps);
}

struct NamedPolicy {
  std::string_view name;
  void (*draw)(PhiloxStream&, Scenario*);
};
constexpr NamedPolicy kPolicies[] = {
    {"async", Async},
    {"staleness_aware_rate", StalenessAwareRate},
    {"bounded_staleness", BoundedStaleness},
    {"sync", Sync},
    {"sync_with_backups", SyncWithBackups},
    {"model_averaging", ModelAveraging},
    {"async_model_averaging", AsyncModelAveraging},
    {"elastic_averaging", ElasticAveraging},
    {"warm_start", WarmStart},
};

template <size_t n>
uint32_t OneOf(PhiloxStream& random, const std::array<uint32_t, n>& values) {
  return values[random.UniformInt(n)];
}

}  // namespace

std::vector<std::string_view> PolicyNames() {
  std::vector<std::string_view> names;
  for (const NamedPolicy& policy : kPolicies) names.push_back(policy.name);
  return names;
}

Scenario DrawScenario(PhiloxStream& random, std::string_view policy_name, uint64_t operations) {
  Scenario scenario;
  scenario.workers = 2 + random.UniformInt(5);
  scenario.shards = 1 + random.UniformInt(4);
  scenario.servers = 1 + random.UniformInt(scenario.shards);
  const uint64_t any = random.UniformInt(std::size(kPolicies));
  const NamedPolicy* choice = &kPolicies[any];
  for (const NamedPolicy& policy : kPolicies) {
    if (policy.name == policy_name) choice = &policy;
  }
  scenario.policy_name = choice->name;
  choice->draw(random, &scenario);

  // A step is a push and a pull at every shard.
  scenario.steps_spare = kSpareSteps;
  scenario.steps_max = kSpareSteps + operations / (2 * scenario.shards);
  scenario.elements = scenario.steps_max;
  scenario.open_pushes_max = OneOf<4>(random, {1, 4, 16, 60});

  NetworkFaults& network = scenario.network;
  network.loss_permille = OneOf<5>(random, {0, 2, 10, 50, 150});
  network.duplicate_permille = OneOf<4>(random, {0, 10, 50, 200});
  network.late_permille = OneOf<4>(random, {0, 5, 20, 100});
  network.delay_spread = OneOf<4>(random, {0, 400, 2000, 8000});
  scenario.compute_spread = OneOf<4>(random, {0, 1000, 4000, 20000});
  scenario.fault_interval = OneOf<4>(random, {0, 5000, 20000, 80000});
  return scenario;
}

}  // namespace downpour::sim
