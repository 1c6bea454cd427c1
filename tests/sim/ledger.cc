#include "tests/sim/ledger.h"

#include <array>
#include <limits>

namespace downpour::sim {
namespace {

// Zeros with one value in the middle: a window on it is a gradient that has that value anywhere.
struct OneHot {
  explicit OneHot(float value) { values[Ledger::kElementsMax] = value; }
  std::array<float, 2 * Ledger::kElementsMax> values = {};
};

absl::Span<const std::byte> Window(const OneHot& one_hot, uint32_t coordinate, uint32_t elements) {
  const float* begin = &one_hot.values[Ledger::kElementsMax - coordinate];
  return absl::MakeConstSpan(reinterpret_cast<const std::byte*>(begin), elements * sizeof(float));
}

}  // namespace

std::vector<absl::Span<const std::byte>> Ledger::GradientAt(uint32_t coordinate, uint32_t elements) {
  static const std::array<OneHot, 7>& one_hots = *new std::array<OneHot, 7>{
      OneHot(1), OneHot(2), OneHot(3), OneHot(4), OneHot(5), OneHot(6), OneHot(7),
  };
  const absl::Span<const std::byte> whole = Window(one_hots[coordinate % 7], coordinate, elements);
  if (coordinate % 4 != 0) return {whole};
  const size_t cut = 4 * (coordinate % elements) + 3;  // in the middle of the element that counts
  return {whole.first(cut), whole.subspan(cut)};
}

std::vector<absl::Span<const std::byte>> Ledger::NotFinite(uint32_t elements) {
  static const OneHot& nan = *new OneHot(std::numeric_limits<float>::quiet_NaN());
  return {Window(nan, elements - 1, elements)};
}

}  // namespace downpour::sim
