#include <algorithm>
#include <array>

#include "worker/device/reference/op_math.h"

namespace downpour::reference {

namespace {

// Calls body(i, factor) for each of `size` elements.
template <typename Body>
void ForEach(const Dropout& op, const StepRandom& random, size_t size, const Body& body) {
  const DropoutMask mask(op, random.seed, random.step);
  for (size_t block = 0; 4 * block < size; ++block) {
    const std::array<bool, 4> keeps = mask.Keeps(block);
    for (size_t i = 4 * block; i < std::min(size, 4 * block + 4); ++i) {
      body(i, keeps[i % 4] ? 1 / (1 - op.rate) : 0.0);
    }
  }
}

}  // namespace

void Forward(const Dropout& op, ForwardMath& math) {
  const std::span<const double> x = math.inputs[0].real;
  if (math.mode == Mode::kEvaluate) {
    std::copy(x.begin(), x.end(), math.output.begin());
    return;
  }
  ForEach(op, math.random, x.size(),
          [&](size_t i, double factor) { math.output[i] = factor == 0 ? 0 : factor * x[i]; });
}

void Backward(const Dropout& op, BackwardMath& math) {
  ForEach(op, math.random, math.output_gradient.size(),
          [&](size_t i, double factor) { math.input_gradients[0][i] += factor * math.output_gradient[i]; });
}

}  // namespace downpour::reference
