// The devices of this machine by their names, as people write them: --devices=cpu:0,cpu:1  --devices=cuda:all
#ifndef DOWNPOUR_WORKER_DEVICE_DEVICES_H_
#define DOWNPOUR_WORKER_DEVICE_DEVICES_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/device/device.h"

namespace downpour {

// As many lanes are let through; more than this is a slip of the pen.
inline constexpr int kLanesMax = 1024;

// The names in a list, in its order, each once and "all" replaced by what there is:
//   cpu:N     a lane (worker/device/cpu/lane.h), N in [0, kLanesMax). More lanes than cores share the cores.
//   cpu:all   one for each core that this process may use
//   cuda:N    a GPU, as CUDA counts them
//   cuda:all  all GPUs
// INVALID_ARGUMENT, saying what can be written, for an empty list, an unknown word and a name that comes twice;
// FAILED_PRECONDITION, saying why, for cuda:all where there is no GPU. Whether cuda:N is there, CreateDevice says.
absl::StatusOr<std::vector<std::string>> ParseDevices(std::string_view list);

// The device of one such name (none with "all"). FAILED_PRECONDITION or NOT_FOUND, saying what there is, where it is
// absent.
absl::StatusOr<std::unique_ptr<Device>> CreateDevice(std::string_view name);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_DEVICES_H_
