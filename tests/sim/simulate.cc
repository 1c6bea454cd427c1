// Runs the simulator over a range of seeds. Exit status: 0 nothing found, 1 something found, 2 a flag is wrong.

#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "tests/sim/planted_bugs.h"
#include "tests/sim/scenario.h"
#include "tests/sim/simulation.h"

namespace downpour::sim {
namespace {

constexpr char kUsage[] =
    "simulate: runs simulated schedules over the real shard code, one for each seed, and stops at the first that "
    "breaks\n"
    "a promise. A run is a function of its seed: the same flags find the same again.\n"
    "\n"
    "  --first_seed=N    default 0\n"
    "  --seeds=N         how many seeds; default 1000\n"
    "  --operations=N    requests to shards in a run before it is brought to its end; default 1000\n"
    "  --policy=NAME     only this policy; default: any, by seed. --policy=list prints the names\n"
    "  --plant=BUG       with this bug planted; --plant=list prints them\n"
    "  --log             print all that happens in each run\n"
    "  --keep_going      do not stop at the first failure, count them\n";

constexpr size_t kLogTail = 60;

struct Flags {
  uint64_t first_seed = 0;
  uint64_t seeds = 1000;
  uint64_t operations = 1000;
  std::string policy;
  std::string plant;
  bool log = false;
  bool keep_going = false;
};

bool Parse(int argc, char** argv, Flags* flags) {
  for (int i = 1; i < argc; ++i) {
    absl::string_view flag = argv[i];
    const auto number = [&flag](uint64_t* value) { return absl::SimpleAtoi(flag, value); };
    bool good = true;
    if (absl::ConsumePrefix(&flag, "--first_seed=")) {
      good = number(&flags->first_seed);
    } else if (absl::ConsumePrefix(&flag, "--seeds=")) {
      good = number(&flags->seeds);
    } else if (absl::ConsumePrefix(&flag, "--operations=")) {
      good = number(&flags->operations) && flags->operations >= 1 && flags->operations <= 6000;
    } else if (absl::ConsumePrefix(&flag, "--policy=")) {
      flags->policy = std::string(flag);
    } else if (absl::ConsumePrefix(&flag, "--plant=")) {
      flags->plant = std::string(flag);
    } else if (flag == "--log") {
      flags->log = true;
    } else if (flag == "--keep_going") {
      flags->keep_going = true;
    } else {
      good = false;
    }
    if (!good) {
      std::fprintf(stderr, "simulate: cannot make sense of %s\n\n%s", argv[i], kUsage);
      return false;
    }
  }
  return true;
}

int Main(int argc, char** argv) {
  Flags flags;
  if (!Parse(argc, argv, &flags)) return 2;
  if (flags.plant == "list") {
    for (const PlantedBug& bug : PlantedBugs()) {
      std::printf("%-36s %s%s%s%s\n", std::string(bug.name).c_str(), std::string(bug.what).c_str(),
                  bug.policy.empty() ? "" : " (", std::string(bug.policy).c_str(), bug.policy.empty() ? "" : ")");
    }
    return 0;
  }
  if (flags.policy == "list") {
    for (const std::string_view name : PolicyNames()) std::printf("%s\n", std::string(name).c_str());
    return 0;
  }
  SimulationOptions options;
  options.operations = flags.operations;
  options.policy = flags.policy;
  if (!flags.plant.empty()) {
    const std::optional<PlantedBug> bug = FindPlantedBug(flags.plant);
    if (!bug.has_value()) {
      std::fprintf(stderr, "simulate: there is no planted bug %s; --plant=list prints them\n", flags.plant.c_str());
      return 2;
    }
    options.bug = bug->bug;
    if (flags.policy.empty()) options.policy = bug->policy;
  }
  bool known = flags.policy.empty();
  for (const std::string_view name : PolicyNames()) known |= name == flags.policy;
  if (!known) {
    std::fprintf(stderr, "simulate: there is no policy %s; --policy=list prints them\n", flags.policy.c_str());
    return 2;
  }
  const size_t lines = flags.log ? std::numeric_limits<size_t>::max() : kLogTail;
  BlockPool pool;
  uint64_t operations = 0;
  uint64_t runs = 0;
  uint64_t failed = 0;
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t i = 0; i < flags.seeds && (failed == 0 || flags.keep_going); ++i) {
    options.seed = flags.first_seed + i;
    const SimulationReport report = Simulate(options, pool);
    ++runs;
    operations += report.operations;
    failed += !report.violation.empty();
    if (!report.violation.empty() && flags.keep_going) {
      std::printf("FAILED seed %" PRIu64 ": %s\n", options.seed, report.violation.c_str());
    } else if (!report.violation.empty() || flags.log) {
      std::fputs(Explain(options, lines, pool).c_str(), stdout);
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%" PRIu64 " seeds, %" PRIu64 " failed, %" PRIu64
              " operations, %.2f s, %.0f schedules of 1,000 operations a second\n",
              runs, failed, operations, seconds, static_cast<double>(operations) / 1000 / seconds);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace downpour::sim

int main(int argc, char** argv) { return downpour::sim::Main(argc, argv); }
