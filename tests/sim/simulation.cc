#include "tests/sim/simulation.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"
#include "tests/sim/coordinator.h"
#include "tests/sim/scenario.h"
#include "tests/sim/simulated_shard.h"
#include "tests/sim/simulated_worker.h"
#include "tests/sim/world.h"

namespace downpour::sim {
namespace {

constexpr uint64_t kLateStepsWanted = 3;
constexpr Micros kTroubleMax = 60'000'000;
constexpr Micros kHealedMax = 10'000'000;  // so long may it take until everybody has got on
constexpr Micros kSettleMax = 1'000'000;   // and so long until every push has its answer

class Simulation {
 public:
  Simulation(const SimulationOptions& options, const Scenario& scenario, PhiloxStream random, BlockPool& pool)
      : options_(options), world_(scenario, random, options.bug, options.log), coordinator_(world_) {
    shards_.reserve(scenario.shards);
    for (uint32_t shard = 0; shard < scenario.shards; ++shard) shards_.emplace_back(world_, shard, pool);
    for (WorkerId worker = 0; worker < scenario.workers; ++worker) workers_.emplace_back(world_, worker);
    for (WorkerId worker = 0; worker < scenario.workers; ++worker) {
      world_.events.After(world_.random.UniformInt(2000), EventKind::kRestart, worker);
    }
    world_.events.After(scenario.retry_after, EventKind::kCoordinatorTimer, 0);
    PlanFault();
  }

  void Run() {
    while (world_.operations < options_.operations && world_.ledger.left() > world_.scenario.steps_spare &&
           world_.events.now() < kTroubleMax && Step()) {
    }
    Heal();
    const Micros patience = world_.events.now() + kHealedMax;
    while (!EverybodyGotOn() && Step()) {
      if (world_.events.now() > patience) FailWith("does not get on");
    }
    world_.stopped = true;
    const Micros end = world_.events.now() + kSettleMax;
    while (!EverybodySettled() && Step()) {
      if (world_.events.now() > end) FailWith("gets no answer to a push");
    }
    if (world_.violation.empty()) {
      for (SimulatedShard& shard : shards_) shard.Finish();
    }
  }

  SimulationReport Report() const {
    SimulationReport report;
    report.violation = world_.violation;
    report.operations = world_.operations;
    for (const SimulatedShard& shard : shards_) {
      const ShardCounters counters = shard.counters();
      report.applied += counters.pushes_applied;
      report.dropped += counters.pushes_dropped;
      report.fenced += counters.pushes_fenced;
      report.duplicates += counters.duplicates;
      for (size_t reason = 0; reason < kRefusalReasonCount; ++reason) {
        report.refusals[reason] += counters.refusals[reason];
      }
    }
    return report;
  }

 private:
  // Takes the next event; false when the run is over because something is wrong.
  bool Step() {
    if (!world_.violation.empty()) return false;
    const Event event = world_.events.Next();
    if (event.kind == EventKind::kDelivery) {
      Deliver(event.subject);
      return true;
    }
    if (event.kind == EventKind::kCoordinatorTimer) {
      coordinator_.OnTimer();
      return true;
    }
    if (event.kind == EventKind::kFault) {
      Fault();
      PlanFault();
      return true;
    }
    SimulatedWorker& worker = workers_[event.subject];
    if (worker.stalled_until() > world_.events.now() && worker.running()) {
      world_.events.After(worker.stalled_until() - world_.events.now(), event.kind, event.subject, event.life);
    } else if (event.kind == EventKind::kWorkerTimer) {
      worker.OnTimer(event.life);
    } else if (event.kind == EventKind::kComputed) {
      worker.OnComputed(event.life);
    } else if (!worker.running()) {
      worker.Start();
    }
    return true;
  }

  void Deliver(uint32_t slot) {
    Message message = world_.network.Take(slot);
    switch (message.type) {
      case MessageType::kPush:
      case MessageType::kPull:
      case MessageType::kClockAsk:
      case MessageType::kJoin:
      case MessageType::kLeave:
      case MessageType::kEpoch:
        shards_[message.shard].Deliver(message);
        break;
      case MessageType::kPushReply:
      case MessageType::kPullReply:
      case MessageType::kJoinDone: {
        SimulatedWorker& worker = workers_[message.worker];
        if (worker.running() && worker.stalled_until() > world_.events.now()) {
          world_.network.Delay(std::move(message), worker.stalled_until() - world_.events.now());
        } else {
          worker.Deliver(std::move(message));
        }
        break;
      }
      default:
        coordinator_.Deliver(message);
        break;
    }
  }

  // ---- Faults

  void PlanFault() {
    const Micros mean = world_.scenario.fault_interval;
    if (mean > 0 && !world_.healed) world_.events.After(1 + world_.random.UniformInt(2 * mean), EventKind::kFault, 0);
  }

  void Fault() {
    if (world_.healed) return;
    PhiloxStream& random = world_.random;
    SimulatedWorker& worker = workers_[random.UniformInt(workers_.size())];
    const WorkerId id = &worker - workers_.data();
    const Micros now = world_.events.now();
    switch (random.UniformInt(6)) {
      case 0:
      case 1: {
        if (!worker.running()) break;
        worker.Kill();
        const size_t running = std::count_if(workers_.begin(), workers_.end(), [](auto& w) { return w.running(); });
        const bool for_good = running > 0 && random.UniformInt(4) == 0;
        // A quick restart joins anew before anybody has noticed that it was gone.
        const Micros pause = random.UniformInt(2) == 0 ? 2'000 : 200'000;
        if (for_good) break;
        worker.set_comes_back();
        world_.events.After(1 + random.UniformInt(pause), EventKind::kRestart, id);
        break;
      }
      case 2:
      case 3: {
        if (!worker.running()) break;
        const Micros pause = random.UniformInt(2) == 0 ? 20'000 : 200'000;
        worker.StallUntil(now + random.UniformInt(pause));
        world_.Log("worker ", id, ": stalls until ", worker.stalled_until());
        break;
      }
      case 4: {
        const uint32_t server = random.UniformInt(world_.scenario.servers);
        const Micros until = now + random.UniformInt(50'000);
        world_.network.CutServer(server, until);
        world_.Log("server ", server, ": is cut off until ", until);
        break;
      }
      default:
        coordinator_.NewEpoch();
        break;
    }
  }

  void Heal() {
    world_.healed = true;
    world_.network.Heal();
    world_.Log("healed: nothing fails from now on");
    for (SimulatedWorker& worker : workers_) worker.Heal();
  }

  // ---- The end

  bool EverybodyGotOn() const {
    return std::all_of(workers_.begin(), workers_.end(), [](const SimulatedWorker& worker) {
      return !worker.running() || worker.late_steps() >= kLateStepsWanted;
    });
  }

  bool EverybodySettled() const {
    return std::all_of(workers_.begin(), workers_.end(),
                       [this](const SimulatedWorker& worker) { return !worker.running() || worker.Settled(shards_); });
  }

  void FailWith(const char* what) {
    std::string who;
    for (const SimulatedWorker& worker : workers_) absl::StrAppend(&who, "; ", worker.Describe());
    world_.Fail("somebody ", what, who);
  }

  const SimulationOptions& options_;
  World world_;
  Coordinator coordinator_;
  std::vector<SimulatedShard> shards_;
  std::vector<SimulatedWorker> workers_;
};

}  // namespace

SimulationReport Simulate(const SimulationOptions& options, BlockPool& pool) {
  PhiloxStream random(options.seed);
  const Scenario scenario = DrawScenario(random, options.policy, options.operations);
  Simulation simulation(options, scenario, random, pool);
  simulation.Run();
  SimulationReport report = simulation.Report();
  if (!report.violation.empty()) {
    const NetworkFaults& network = scenario.network;
    report.scenario =
        absl::StrCat(scenario.policy.ShortDebugString(), "; ", scenario.workers, " workers, ", scenario.shards,
                     " shards on ", scenario.servers, " servers, of 1000 messages ", network.loss_permille, " lost, ",
                     network.duplicate_permille, " doubled, ", network.late_permille, " late, delays of ",
                     network.delay_min, " to ", network.delay_min + network.delay_spread, " us");
  }
  return report;
}

std::string Explain(SimulationOptions options, size_t lines, BlockPool& pool) {
  std::vector<std::string> log;
  options.log = &log;
  const SimulationReport report = Simulate(options, pool);
  std::string text;
  const size_t first = log.size() - std::min(lines, log.size());
  if (first > 0) absl::StrAppend(&text, "... ", first, " lines before, see them with --log\n");
  for (size_t line = first; line < log.size(); ++line) absl::StrAppend(&text, log[line], "\n");
  if (report.violation.empty()) return text;
  absl::StrAppend(&text, "FAILED seed ", options.seed, ": ", report.violation, "\n  scenario: ", report.scenario,
                  "\n  again: bazel run -c opt //tests/sim:simulate -- --first_seed=", options.seed, " --seeds=1");
  if (options.operations != SimulationOptions().operations) {
    absl::StrAppend(&text, " --operations=", options.operations);
  }
  if (!options.policy.empty()) absl::StrAppend(&text, " --policy=", ToAbsl(options.policy));
  for (const PlantedBug& bug : PlantedBugs()) {
    if (bug.bug == options.bug) absl::StrAppend(&text, " --plant=", ToAbsl(bug.name));
  }
  return text + "\n";
}

}  // namespace downpour::sim
