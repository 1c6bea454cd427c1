#include "worker/layers/window2d.h"

namespace downpour {

int64_t WindowAxis::TapsInside() const {
  int64_t taps = 0;
  for (int64_t o = 0; o < output; ++o) taps += TapEnd(o) - TapBegin(o);
  return taps;
}

}  // namespace downpour
