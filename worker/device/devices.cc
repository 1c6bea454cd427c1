#include "worker/device/devices.h"

#include <sched.h>

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "kernels/cuda/device.h"
#include "worker/device/cpu/lane.h"

namespace downpour {
namespace {

constexpr absl::string_view kWhatToWrite =
    "write cpu:0, cpu:1 and so on, cpu:all, cuda:0 or cuda:all, with commas between";

absl::Status Unknown(absl::string_view name) {
  return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is no device: ", kWhatToWrite));
}

struct DeviceName {
  bool cuda = false;
  std::optional<int> index;  // none: all
};

absl::StatusOr<DeviceName> ParseName(absl::string_view name) {
  absl::string_view index = name;
  DeviceName parsed{.cuda = absl::ConsumePrefix(&index, "cuda:"), .index = std::nullopt};
  if (!parsed.cuda && !absl::ConsumePrefix(&index, "cpu:")) return Unknown(name);
  if (index == "all") return parsed;
  int value = 0;
  const bool digits = !index.empty() && index.find_first_not_of("0123456789") == absl::string_view::npos;
  if (!digits || !absl::SimpleAtoi(index, &value)) return Unknown(name);
  if (!parsed.cuda && value >= kLanesMax) {
    return absl::InvalidArgumentError(absl::StrCat("\"", name, "\": lanes go from cpu:0 to cpu:", kLanesMax - 1));
  }
  parsed.index = value;
  return parsed;
}

int CoresOfThisProcess() {
  cpu_set_t cores;
  return sched_getaffinity(0, sizeof(cores), &cores) == 0 ? std::max(CPU_COUNT(&cores), 1) : 1;
}

absl::StatusOr<int> CountOf(const DeviceName& name) {
  if (!name.cuda) return std::min(CoresOfThisProcess(), kLanesMax);
  DP_ASSIGN_OR_RETURN(const std::vector<CudaDeviceInfo> devices, Annotate(ListCudaDevices(), "cuda:all"));
  return static_cast<int>(devices.size());
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseDevices(std::string_view list) {
  std::vector<std::string> names;
  const auto add = [&names](bool cuda, int index) -> absl::Status {
    std::string name = absl::StrCat(cuda ? "cuda:" : "cpu:", index);
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      return absl::InvalidArgumentError(absl::StrCat(name, " is named twice; a device runs one replica"));
    }
    names.push_back(std::move(name));
    return absl::OkStatus();
  };
  for (const absl::string_view part : absl::StrSplit(ToAbsl(list), ',')) {
    DP_ASSIGN_OR_RETURN(const DeviceName name, ParseName(absl::StripAsciiWhitespace(part)));
    if (name.index.has_value()) {
      DP_RETURN_IF_ERROR(add(name.cuda, *name.index));
      continue;
    }
    DP_ASSIGN_OR_RETURN(const int count, CountOf(name));
    for (int i = 0; i < count; ++i) DP_RETURN_IF_ERROR(add(name.cuda, i));
  }
  return names;
}

absl::StatusOr<std::unique_ptr<Device>> CreateDevice(std::string_view name) {
  DP_ASSIGN_OR_RETURN(const DeviceName parsed, ParseName(ToAbsl(name)));
  if (!parsed.index.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", ToAbsl(name), "\" stands for several devices: name one"));
  }
  if (!parsed.cuda) return CreateLane(absl::StrCat("cpu:", *parsed.index));
  DP_ASSIGN_OR_RETURN(const std::vector<CudaDeviceInfo> devices, Annotate(ListCudaDevices(), name));
  if (static_cast<size_t>(*parsed.index) >= devices.size()) {
    return absl::NotFoundError(
        absl::StrCat(ToAbsl(name), " is not there: this machine's GPUs go from cuda:0 to cuda:", devices.size() - 1));
  }
  return absl::UnimplementedError(
      absl::StrCat(ToAbsl(name), " (", devices[static_cast<size_t>(*parsed.index)].name,
                   ") is there, but this version trains on the CPU alone: use --devices=cpu:all"));
}

}  // namespace downpour
