#include "cli/step/step_bench_cases.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/step/foreign_load.h"
#include "cli/step/lane_team.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "kernels/kernels.h"
#include "kernels/multiply_add_loop.h"
#include "worker/models/program.h"

namespace downpour {
namespace {

constexpr int kStepsMax = 1'000'000;
constexpr double kPeakOperationsASecond = 1e10;  // a tenth of what cores reach: the peak takes a tenth of a round

// One number of lanes, with what it is measured beside.
struct Team {
  std::unique_ptr<LaneTeam> lanes;
  int steps = 1;  // a round
  // Where its contestants are in the list.
  size_t peak = 0;
  size_t train = 0;
  size_t loaded = 0;
};

// One model with one batch: all its teams compete.
class StepBench {
 public:
  // `load` is null where nothing is measured beside foreign load.
  StepBench(const StepBenchOptions& options, const StepBenchModel& model, int64_t batch, ForeignLoad* load)
      : options_(options), model_(model), batch_(batch), load_(load) {}

  absl::Status Run() {
    for (const int lanes : options_.lanes) {
      Team& team = teams_.emplace_back();
      DP_ASSIGN_OR_RETURN(team.lanes, LaneTeam::Create(model_.graph, {.lanes = lanes,
                                                                      .batch = batch_,
                                                                      .compute = options_.compute,
                                                                      .fuse = options_.fuse,
                                                                      .make_device = options_.make_device}));
      DP_ASSIGN_OR_RETURN(team.steps, StepsOfARound(*team.lanes));
    }
    const std::vector<Contestant> contestants = Contestants();
    seconds_ = InterleavedSeconds(contestants, options_.rounds);
    DP_RETURN_IF_ERROR(error_);
    for (const Team& team : teams_) DP_RETURN_IF_ERROR(ReportTeam(team));
    return options_.layers ? ReportLayers() : absl::OkStatus();
  }

 private:
  // After a step that warms up.
  absl::StatusOr<int> StepsOfARound(LaneTeam& lanes) {
    DP_RETURN_IF_ERROR(lanes.Train(1));
    const double begin = SteadySeconds();
    DP_RETURN_IF_ERROR(lanes.Train(1));
    const double seconds = std::max(SteadySeconds() - begin, 1e-7);
    return static_cast<int>(std::clamp(std::round(options_.seconds_a_round / seconds), 1.0, double{kStepsMax}));
  }

  std::vector<Contestant> Contestants() {
    std::vector<Contestant> contestants;
    for (Team& team : teams_) {
      const std::string name = absl::StrCat(team.lanes->lanes());
      team.peak = contestants.size();
      contestants.push_back({"peak" + name, [this, &team] { RunPeak(team); }});
      team.train = contestants.size();
      contestants.push_back({"train" + name, [this, &team] { Keep(team.lanes->Train(team.steps)); }});
    }
    if (load_ == nullptr) return contestants;
    for (Team& team : teams_) {
      team.loaded = contestants.size();
      contestants.push_back({absl::StrCat("loaded", team.lanes->lanes()), [this, &team] {
                               load_->Start();
                               Keep(team.lanes->Train(team.steps));
                               load_->Stop();
                             }});
    }
    return contestants;
  }

  void RunPeak(Team& team) {
    std::vector<double> operations(static_cast<size_t>(team.lanes->lanes()));
    team.lanes->RunOnAll([&](int lane) {
      operations[lane] =
          MultiplyAddLoop(BestKernels().Name(), options_.compute, kPeakOperationsASecond * options_.seconds_a_round);
    });
    peak_operations_ = operations[0];  // the same in each round
  }

  void Keep(const absl::Status& status) {
    if (error_.ok()) error_ = status;
  }

  std::string CaseName(int lanes) const {
    return absl::StrCat(model_.name, "/", ToAbsl(DTypeName(options_.compute)), "/batch", batch_, "/lanes", lanes);
  }

  // Per second, the median over the rounds.
  double Throughput(const Team& team, size_t contestant) const {
    return static_cast<double>(team.lanes->examples()) * team.steps / Median(seconds_[contestant]);
  }

  // The median over the rounds of `ratio` of two contestants' seconds.
  template <typename Ratio>
  double MedianRatio(size_t a, size_t b, const Ratio& ratio) const {
    std::vector<double> ratios;
    for (size_t round = 0; round < seconds_[a].size(); ++round) {
      ratios.push_back(ratio(seconds_[a][round], seconds_[b][round]));
    }
    return Median(ratios);
  }

  void Report(std::string case_name, std::string metric, double value, std::string unit, std::string reference,
              double reference_value, double ratio) const {
    options_.on_line({"step", std::move(case_name), std::move(metric), value, std::move(unit), std::move(reference),
                      reference_value, ratio, options_.rounds});
  }

  absl::Status ReportTeam(const Team& team) const {
    const std::string name = CaseName(team.lanes->lanes());
    const double flops = model_.graph->StepFlops();
    const double images = static_cast<double>(team.lanes->examples()) * team.steps;
    const double peak_images = peak_operations_ * team.lanes->lanes() / flops;  // in the time of the peak's round
    const double throughput = Throughput(team, team.train);
    Report(name, "throughput", throughput, "images/s", "multiply_add_peak", peak_images / Median(seconds_[team.peak]),
           MedianRatio(team.train, team.peak,
                       [&](double train, double peak) { return (images / train) / (peak_images / peak); }));
    Report(name, "work", 1e-6 * flops, "MFLOP/image", "forward", 1e-6 * model_.graph->ForwardFlops(),
           flops / model_.graph->ForwardFlops());
    if (&team != &teams_[0]) {
      const double first_images = static_cast<double>(teams_[0].lanes->examples()) * teams_[0].steps;
      Report(name, "scaling", throughput, "images/s", absl::StrCat("lanes", teams_[0].lanes->lanes()),
             Throughput(teams_[0], teams_[0].train),
             MedianRatio(team.train, teams_[0].train,
                         [&](double mine, double first) { return (images / mine) / (first_images / first); }));
    }
    if (load_ != nullptr) {
      const double share = ShareBesideForeignLoad(team.lanes->lanes());
      Report(name, "foreign_load", Throughput(team, team.loaded), "images/s", "share_of_cores", throughput * share,
             MedianRatio(team.train, team.loaded, [&](double alone, double loaded) { return alone / loaded / share; }));
    }
    return absl::OkStatus();
  }

  // What is left of the cores' time to lanes that have a busy process beside them on each core: half, or more where
  // several lanes share a core.
  static double ShareBesideForeignLoad(int lanes) {
    const double cores = static_cast<double>(std::max<size_t>(1, UsableCores().size()));
    return std::max(0.5, lanes / (lanes + cores));
  }

  absl::Status ReportLayers() {
    LaneTeam& lanes = *teams_[0].lanes;
    std::vector<NodeTime> times;
    DP_ASSIGN_OR_RETURN(times, lanes.program().TimeNodes(lanes.batch(), 0, std::max(3, options_.rounds)));
    double whole = 0;
    for (const NodeTime& node : times) whole += node.forward_seconds + node.backward_seconds;
    const std::string name = CaseName(1);
    for (size_t i = 0; i < times.size(); ++i) {
      const size_t first_layer = lanes.program().nodes()[i].layers[0];
      if (IsView(model_.graph->layers()[first_layer])) continue;  // nothing is computed
      for (const auto& [pass, seconds] :
           {std::pair("/forward", times[i].forward_seconds), std::pair("/backward", times[i].backward_seconds)}) {
        Report(absl::StrCat(name, "/", times[i].name, pass), "latency", 1e3 * seconds, "ms", "step", 1e3 * whole,
               seconds / whole);
      }
    }
    return absl::OkStatus();
  }

  const StepBenchOptions& options_;
  const StepBenchModel& model_;
  const int64_t batch_;
  ForeignLoad* const load_;
  std::vector<Team> teams_;
  std::vector<std::vector<double>> seconds_;  // of each contestant, each round
  double peak_operations_ = 0;                // of a lane, a round
  absl::Status error_;
};

}  // namespace

absl::Status RunStepBench(const StepBenchOptions& options) {
  std::unique_ptr<ForeignLoad> load;
  if (options.foreign_load) {
    load = std::make_unique<ForeignLoad>();
    DP_RETURN_IF_ERROR(load->status());
  }
  for (const StepBenchModel& model : options.models) {
    for (const int64_t batch : options.batches) {
      DP_RETURN_IF_ERROR(StepBench(options, model, batch, load.get()).Run());
    }
  }
  return absl::OkStatus();
}

}  // namespace downpour
