#ifndef DOWNPOUR_WORKER_TRAIN_RUN_DEVICES_H_
#define DOWNPOUR_WORKER_TRAIN_RUN_DEVICES_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace downpour {

struct RunDevices {
  std::vector<std::string> names;  // as worker/device/devices.h has them
  std::vector<std::string> notes;  // for people: what is unusual about them
};

// The devices that a run is to use, by its --devices; empty: all GPUs where there are some, else all cores. Fails where
// one is missing, before anything is shown.
absl::StatusOr<RunDevices> ChooseDevices(std::string_view wanted);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_RUN_DEVICES_H_
