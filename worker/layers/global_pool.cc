#include "worker/layers/global_pool.h"

#include <array>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"

namespace downpour {

absl::StatusOr<Layer> ResolveGlobalPool(const GlobalPoolConfig& config, const LayerContext& context) {
  constexpr std::array<std::string_view, 3> kAxes = {"height", "width", "channels"};
  DP_RETURN_IF_ERROR(context.CheckOneRealInput());
  DP_RETURN_IF_ERROR(context.CheckAxes(0, kAxes));
  GlobalPool pool;
  switch (config.kind()) {
    case GlobalPoolConfig::AVERAGE:
      pool.kind = GlobalPool::Kind::kAverage;
      break;
    case GlobalPoolConfig::MAX:
      pool.kind = GlobalPool::Kind::kMax;
      break;
    default:
      return context.Error(absl::StrCat("kind is ", static_cast<int>(config.kind()), "; it must be AVERAGE or MAX"));
  }
  pool.channels = context.shape(0).dim(2);
  pool.positions = context.input(0).elements / pool.channels;
  const auto elements = static_cast<double>(context.input(0).elements);
  return context.Make(pool, std::array{pool.channels}, {.forward = elements, .backward_inputs = elements},
                      {.inputs = pool.kind == GlobalPool::Kind::kMax});
}

}  // namespace downpour
