#include "worker/layers/pool2d.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"
#include "worker/layers/resolve_window.h"

namespace downpour {

absl::StatusOr<Layer> ResolvePool2D(const PoolConfig& config, Pool2D::Kind kind, const LayerContext& context) {
  Pool2D pool;
  pool.kind = kind;
  pool.count_padding = config.count_padding();
  const auto& stride = config.stride().empty() ? config.window() : config.stride();
  DP_ASSIGN_OR_RETURN(pool.window, ResolveWindow({.kernel_name = "window",
                                                  .kernel = config.window(),
                                                  .stride = stride,
                                                  .dilation = {},
                                                  .padding = config.padding(),
                                                  .explicit_padding = config.explicit_padding()},
                                                 context));
  if (kind == Pool2D::Kind::kMax && pool.count_padding) {
    return context.Error("count_padding is for averages; a maximum never counts the padding");
  }
  for (const WindowAxis* axis : {&pool.window.height, &pool.window.width}) {
    for (const int64_t o : {int64_t{0}, axis->output - 1}) {
      if (axis->TapBegin(o) >= axis->TapEnd(o)) {
        return context.InputError(
            0, absl::StrCat("with a padding of ", axis->before, " before and ", axis->after, " after, a window of ",
                            axis->kernel, " lies in the padding alone; pad by less than the window"));
      }
    }
  }
  pool.channels = context.shape(0).dim(2);
  const double taps = static_cast<double>(pool.window.height.TapsInside()) *
                      static_cast<double>(pool.window.width.TapsInside()) * static_cast<double>(pool.channels);
  // Backward of a maximum finds it again from the input, unless a kernel keeps its position.
  return context.Make(pool, std::array{pool.window.height.output, pool.window.width.output, pool.channels},
                      {.forward = taps, .backward_inputs = taps}, {.inputs = kind == Pool2D::Kind::kMax});
}

}  // namespace downpour
