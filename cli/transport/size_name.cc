#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/transport/transport_bench_cases.h"

namespace downpour {
namespace {

struct Unit {
  const char* name;
  int shift;
};
// The largest first; "B" last, since the others end in it.
constexpr std::array<Unit, 4> kUnits = {{{"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"B", 0}}};

}  // namespace

std::string SizeName(size_t bytes) {
  for (const Unit& unit : kUnits) {
    const size_t one = size_t{1} << unit.shift;
    if (bytes >= one && bytes % one == 0) return absl::StrCat(bytes >> unit.shift, unit.name);
  }
  return absl::StrCat(bytes, "B");
}

absl::StatusOr<size_t> ParseSize(const std::string& name) {
  std::string digits = name;
  int shift = 0;
  for (const Unit& unit : kUnits) {
    if (!absl::EndsWith(name, unit.name)) continue;
    digits = name.substr(0, name.size() - std::char_traits<char>::length(unit.name));
    shift = unit.shift;
    break;
  }
  size_t count = 0;
  if (!absl::SimpleAtoi(digits, &count) || count == 0 || count > (size_t{1} << 40 >> shift) ||
      (count << shift) % sizeof(float) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" is no size of float32 tensors: write 4KiB, 16MiB or 1GiB, a multiple of 4 bytes"));
  }
  return count << shift;
}

}  // namespace downpour
