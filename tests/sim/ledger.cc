#include "tests/sim/ledger.h"

#include <array>

namespace downpour::sim {
namespace {

constexpr uint32_t kElementsMax = 4096;

// Zeros with one of seven values in the middle: a window on it is a gradient that has that value anywhere.
struct OneHot {
  explicit OneHot(float value) { values[kElementsMax] = value; }
  std::array<float, 2 * kElementsMax> values = {};
};

}  // namespace

std::vector<absl::Span<const std::byte>> Ledger::GradientAt(uint32_t coordinate, uint32_t elements) {
  static const std::array<OneHot, 7>& windows = *new std::array<OneHot, 7>{
      OneHot(1), OneHot(2), OneHot(3), OneHot(4), OneHot(5), OneHot(6), OneHot(7),
  };
  const float* begin = &windows[coordinate % 7].values[kElementsMax - coordinate];
  return {absl::MakeConstSpan(reinterpret_cast<const std::byte*>(begin), elements * sizeof(float))};
}

}  // namespace downpour::sim
