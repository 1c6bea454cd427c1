#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/bench.h"
#include "cli/transport/socket.h"
#include "cli/transport/transport_bench_cases.h"
#include "cli/transport/transports.h"
#include "common/base/status.h"

namespace downpour {
namespace {

class TransportBench : public Bench {
 public:
  CLI::App* Register(CLI::App& bench) override {
    CLI::App* command =
        bench.add_subcommand("transport", "Tensors between processes by each carrier, beside raw TCP and memcpy");
    for (const auto& transport : all_) {
      if (transport != all_.front() && transport->name() != kPlain) carriers_.push_back(transport->name());
    }
    const auto list = [&](const char* flag, auto& values, const char* help) {
      return command->add_option(flag, values, help)->delimiter(',')->capture_default_str();
    };
    for (const size_t bytes : options_.tensor_bytes) sizes_.push_back(SizeName(bytes));
    list("--sizes", sizes_, "Sizes of the tensors");
    list("--clients", options_.clients, "Numbers of clients, each a process")->check(CLI::Range(1, 64));
    list("--carriers", carriers_,
         "What to measure beside raw_tcp, which always is; grpc_plain is grpc with each push in a message");
    list("--directions", options_.directions, "Ways to move them")->check(CLI::IsMember({"push", "pull", "both"}));
    command->add_option("--rounds", options_.rounds, "Rounds, of which the median counts")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    command->add_option("--turn_seconds", options_.turn_seconds, "Of each carrier in each round")
        ->check(CLI::Range(0.001, 60.0))
        ->capture_default_str();
    command->add_flag("--quick", quick_, "A minute instead of ten: 3 rounds of 4KiB and 16MiB with 1 and 2 clients");
    command->footer(
        "Every server and client is a process of its own; with the carrier memory they are one. A ratio above 1\n"
        "is better than the reference: more bytes, less time, less processor time. raw_tcp uses the congestion\n"
        "control that our channels use. latency is of one tensor at a time, everything else of a stream.");
    return command;
  }

  absl::StatusOr<std::string> Run(const std::function<void(const BenchLine&)>& on_line) override {
    if (quick_) {
      sizes_ = {"4KiB", "16MiB"};
      options_.clients = {1, 2};
      options_.rounds = 3;
      options_.turn_seconds = 0.1;
    }
    options_.tensor_bytes.clear();
    for (const std::string& size : sizes_) {
      DP_ASSIGN_OR_RETURN(options_.tensor_bytes.emplace_back(), ParseSize(size));
    }
    for (const std::string& carrier : carriers_) {
      const auto named = [&](const auto& transport) { return transport->name() == carrier; };
      if (std::none_of(all_.begin(), all_.end(), named)) {
        return absl::InvalidArgumentError(absl::StrCat("there is no carrier \"", carrier, "\"; there are: ", Names()));
      }
    }
    std::erase_if(all_, [this](const std::unique_ptr<Transport>& transport) {
      return transport != all_.front() &&
             std::find(carriers_.begin(), carriers_.end(), transport->name()) == carriers_.end();
    });
    options_.on_line = on_line;
    DP_RETURN_IF_ERROR(RunTransportBench(options_, all_).status());
    return absl::StrCat("throughput of all clients together; raw_tcp with congestion control ",
                        EffectiveCongestionControl(kCongestionControl));
  }

 private:
  static constexpr char kPlain[] = "grpc_plain";

  std::string Names() const {
    return absl::StrJoin(all_, ", ",
                         [](std::string* out, const auto& transport) { absl::StrAppend(out, transport->name()); });
  }

  std::vector<std::unique_ptr<Transport>> all_ = MakeTransports();
  TransportBenchOptions options_;
  std::vector<std::string> sizes_;
  std::vector<std::string> carriers_;
  bool quick_ = false;
};

}  // namespace

std::unique_ptr<Bench> MakeTransportBench() { return std::make_unique<TransportBench>(); }

}  // namespace downpour
