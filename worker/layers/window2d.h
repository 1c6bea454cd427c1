// The arithmetic of windows that slide over an image: convolutions and pools.
#ifndef DOWNPOUR_WORKER_LAYERS_WINDOW2D_H_
#define DOWNPOUR_WORKER_LAYERS_WINDOW2D_H_

#include <algorithm>
#include <cstdint>

namespace downpour {

// One side, height or width. Output o reads the inputs o * stride - before + k * dilation for each tap k in [0,
// kernel); those outside [0, input) are padding.
struct WindowAxis {
  int64_t input = 1;
  int64_t output = 1;
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t before = 0;  // padding above or to the left
  int64_t after = 0;   // as configured, below or to the right; may be more than the last window reaches

  // The input that the first tap of output `o` lies on; may be negative.
  int64_t Start(int64_t o) const { return o * stride - before; }

  // The taps of output `o` that lie inside the input: [TapBegin(o), TapEnd(o)), which may be empty.
  int64_t TapBegin(int64_t o) const {
    const int64_t start = Start(o);
    return start >= 0 ? 0 : std::min((-start + dilation - 1) / dilation, kernel);
  }
  int64_t TapEnd(int64_t o) const {
    const int64_t left = input - Start(o);
    return left <= 0 ? TapBegin(o) : std::max(TapBegin(o), std::min((left + dilation - 1) / dilation, kernel));
  }

  // The taps inside the input, summed over all outputs.
  int64_t TapsInside() const;

  friend bool operator==(const WindowAxis&, const WindowAxis&) = default;
};

struct Window2D {
  WindowAxis height;
  WindowAxis width;

  int64_t input_positions() const { return height.input * width.input; }
  int64_t output_positions() const { return height.output * width.output; }

  friend bool operator==(const Window2D&, const Window2D&) = default;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_WINDOW2D_H_
