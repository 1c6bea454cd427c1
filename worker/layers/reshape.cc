#include "worker/layers/reshape.h"

#include <array>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"

namespace downpour {

absl::StatusOr<Layer> ResolveFlatten(const FlattenConfig&, const LayerContext& context) {
  DP_RETURN_IF_ERROR(context.CheckOneRealInput());
  return context.Make(Reshape{}, std::array{context.input(0).elements}, {}, {});
}

absl::StatusOr<Layer> ResolveReshape(const ReshapeConfig& config, const LayerContext& context) {
  DP_RETURN_IF_ERROR(context.CheckOneRealInput());
  const int64_t elements = context.input(0).elements;
  std::vector<int64_t> dims(config.shape().begin(), config.shape().end());
  int64_t known = 1;
  int64_t* open = nullptr;
  for (int64_t& dim : dims) {
    if (dim == -1 && open == nullptr) {
      open = &dim;
    } else if (dim < 1) {
      return context.Error(
          absl::StrCat("the size ", dim, " in shape: each must be at least 1, and one may be -1 (what is left)"));
    } else if (dim > elements / known) {
      return context.InputError(0, absl::StrCat("has ", elements, " elements; the shape asks for more"));
    } else {
      known *= dim;
    }
  }
  if (open != nullptr) *open = elements / known;
  if (open == nullptr ? known != elements : elements % known != 0) {
    return context.InputError(
        0, absl::StrCat("its ", elements, " elements do not fill the shape: the sizes given make ", known));
  }
  return context.Make(Reshape{}, dims, {}, {});
}

}  // namespace downpour
