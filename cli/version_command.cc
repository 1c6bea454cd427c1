#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "cli/command.h"
#include "common/base/version_facts.h"
#include "kernels/cuda/device.h"

namespace downpour {
namespace {

// The GPUs here, or why there are none.
std::string Cuda() {
  const auto devices = ListCudaDevices();
  if (!devices.ok()) return (BuiltWithCuda() ? "built in; " : "") + std::string(devices.status().message());
  std::string text = std::to_string(devices->size()) + (devices->size() == 1 ? " device: " : " devices: ");
  for (const CudaDeviceInfo& device : *devices) {
    text += (device.index == 0 ? "" : ", ") + ("cuda:" + std::to_string(device.index)) + " " + device.name;
  }
  return text;
}

std::vector<VersionFact> AllFacts() {
  std::vector<VersionFact> facts = VersionFacts();
  facts.push_back({"onednn", DOWNPOUR_QUOTE(DOWNPOUR_ONEDNN_VERSION)});
  facts.push_back({"highway", DOWNPOUR_QUOTE(DOWNPOUR_HIGHWAY_VERSION)});
  facts.push_back({"cuda", Cuda()});
  return facts;
}

class VersionCommand : public Command {
 public:
  CLI::App* Register(CLI::App& app) override {
    CLI::App* command = app.add_subcommand("version", "Show the version, and those of what it was built on");
    command->add_flag("--json", json_, "One JSON object instead of lines for people");
    return command;
  }

  int Run() override {
    const std::string text = json_ ? VersionJson(AllFacts()) : VersionText(AllFacts());
    const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    return written ? kExitDone : kExitFailed;
  }

 private:
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeVersionCommand() { return std::make_unique<VersionCommand>(); }

}  // namespace downpour
