#include "worker/train/network.h"

#include <utility>

#include "common/base/status.h"
#include "worker/device/devices.h"
#include "worker/train/device_network.h"
#include "worker/train/tower_network.h"

namespace downpour {

bool HasAccuracy(const Graph& graph) {
  if (graph.losses().empty()) return false;
  return graph.layers()[graph.losses().front()].As<MeanSquaredError>() == nullptr;
}

absl::StatusOr<std::unique_ptr<Network>> MakeNetwork(std::shared_ptr<const Graph> graph, ModelInputs inputs,
                                                     const std::vector<std::string>& devices,
                                                     const NetworkOptions& options) {
  const auto make = [&](size_t i) -> absl::StatusOr<std::unique_ptr<DeviceNetwork>> {
    NetworkOptions of_tower = options;
    const int64_t towers = static_cast<int64_t>(devices.size());
    of_tower.batch_max = (options.batch_max + towers - 1) / towers;
    of_tower.seed += i;
    DP_ASSIGN_OR_RETURN(std::unique_ptr<Device> device, CreateDevice(devices[i]));
    return DeviceNetwork::Create(graph, inputs, std::move(device), of_tower);
  };
  if (devices.empty()) return absl::InvalidArgumentError("a network needs a device");
  if (devices.size() == 1) return make(0);
  return TowerNetwork::Create(graph, inputs, devices.size(), make);
}

}  // namespace downpour
