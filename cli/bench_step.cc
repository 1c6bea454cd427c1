#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/bench.h"
#include "cli/model_file.h"
#include "cli/step/foreign_load.h"
#include "cli/step/step_bench_cases.h"
#include "common/base/status.h"
#include "common/tensor/dtype.h"
#include "worker/device/devices.h"

namespace downpour {
namespace {

// `downpour bench step`: images a second of training on this machine's cores.
class StepBenchCommand : public Bench {
 public:
  CLI::App* Register(CLI::App& bench) override {
    CLI::App* command = bench.add_subcommand(
        "step",
        "A step of training on CPU lanes: forward, backward, the lanes' gradients summed, and plain SGD in each lane's "
        "memory; without servers, data sets and messages");
    command
        ->add_option("--models", models_, "Shipped models or model files; NAME@HEIGHTxWIDTH for another size of images")
        ->delimiter(',')
        ->capture_default_str();
    command->add_option("--batches", batches_, "Examples of a step, for each lane")
        ->delimiter(',')
        ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
        ->capture_default_str();
    command->add_option("--lanes", lanes_, "How many lanes, each a thread (default: 1, and all cores)")
        ->delimiter(',')
        ->check(CLI::Range(1, 1024));
    command->add_option("--dtype", dtype_, "Of the tensors between layers")
        ->check(CLI::IsMember({"float32", "bfloat16"}))
        ->capture_default_str();
    command->add_option("--rounds", options_.rounds, "Rounds, of which the median counts")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    command->add_flag("--quick", quick_, "Three rounds of a tenth of a second: a glance, no measurement");
    command->add_flag("--no_fuse", no_fuse_, "Each layer by itself, without kernels for several");
    command->add_flag("--layers", options_.layers, "Also the time of each layer, or of each chain in one kernel");
    command->add_flag("--foreign_load", options_.foreign_load,
                      "Also with a busy process on each core, beside the share of the cores that is left");
    return command;
  }

  absl::StatusOr<std::string> Run(const std::function<void(const BenchLine&)>& on_line) override {
    for (const std::string& name : models_) {
      DP_ASSIGN_OR_RETURN(Graph graph, OpenModel(name));
      options_.models.push_back({NameInCases(name), std::make_shared<const Graph>(std::move(graph))});
    }
    DP_ASSIGN_OR_RETURN(options_.compute, ParseDType(dtype_));
    options_.batches = batches_;
    options_.lanes = lanes_;
    if (lanes_.empty()) {
      options_.lanes = {1};
      const int cores = static_cast<int>(UsableCores().size());
      if (cores > 1) options_.lanes.push_back(cores);
    }
    options_.fuse = !no_fuse_;
    if (quick_) {
      options_.rounds = 3;
      options_.seconds_a_round = 0.1;
    }
    options_.make_device = [](int lane) { return CreateDevice(absl::StrCat("cpu:", lane)); };
    options_.on_line = on_line;
    DP_ASSIGN_OR_RETURN(const std::unique_ptr<Device> device, options_.make_device(0));
    DP_RETURN_IF_ERROR(RunStepBench(options_));
    return device->description().hardware;
  }

 private:
  // A file's name without its folder and ending.
  static std::string NameInCases(const std::string& name) {
    const size_t slash = name.rfind('/');
    std::string base = slash == std::string::npos ? name : name.substr(slash + 1);
    const size_t ending = base.find(".textproto");
    if (ending != std::string::npos) base.erase(ending, std::string(".textproto").size());
    return base;
  }

  StepBenchOptions options_;
  std::vector<std::string> models_ = {"cifar10", "resnet20", "lenet5", "small_cnn", "mlp", "wide_deep"};
  std::vector<int64_t> batches_ = {128};
  std::vector<int> lanes_;
  std::string dtype_ = "float32";
  bool quick_ = false;
  bool no_fuse_ = false;
};

}  // namespace

std::unique_ptr<Bench> MakeStepBench() { return std::make_unique<StepBenchCommand>(); }

}  // namespace downpour
