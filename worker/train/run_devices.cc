#include "worker/train/run_devices.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "worker/device/devices.h"

namespace downpour {
namespace {

absl::StatusOr<std::vector<std::string>> Find(std::string_view wanted) {
  if (!wanted.empty()) return ParseDevices(wanted);
  absl::StatusOr<std::vector<std::string>> gpus = ParseDevices("cuda:all");
  return gpus.ok() && !gpus->empty() ? gpus : ParseDevices("cpu:all");
}

}  // namespace

absl::StatusOr<RunDevices> ChooseDevices(std::string_view wanted) {
  RunDevices devices;
  absl::StatusOr<std::vector<std::string>> names = Find(wanted);
  if (!names.ok()) return Annotate(names.status(), "--devices");
  devices.names = *std::move(names);
  size_t lanes = 0;
  for (const std::string& name : devices.names) {
    const bool is_lane = name.starts_with("cpu");
    lanes += is_lane;
    if (!is_lane) DP_RETURN_IF_ERROR(CreateDevice(name).status());
  }
  const absl::StatusOr<std::vector<std::string>> cores = ParseDevices("cpu:all");
  if (cores.ok() && lanes > cores->size()) {
    devices.notes.push_back(absl::StrCat("there are ", lanes, " CPU devices and ", cores->size(),
                                         cores->size() == 1 ? " core" : " cores", ": they share the cores"));
  }
  return devices;
}

}  // namespace downpour
