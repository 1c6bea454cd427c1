// A dense layer or a convolution as the primitives of oneDNN for one size of batch.
#ifndef DOWNPOUR_WORKER_DEVICE_CPU_LINEAR_PASSES_H_
#define DOWNPOUR_WORKER_DEVICE_CPU_LINEAR_PASSES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/tensor/dtype.h"
#include "dnnl.hpp"
#include "worker/device/cpu/onednn.h"
#include "worker/layers/layer.h"

namespace downpour {

struct LinearRequest {
  const Layer* layer = nullptr;     // Dense or Conv2D
  bool relu = false;                // after it
  DType compute = DType::kFloat32;  // or kBFloat16
  bool backward = true;             // make the passes backward
  bool input_gradient = true;       // with that of the input
  int64_t batch = 1;
};

// Activations are nhwc, or [batch, elements]. Weights come in whatever layout each pass likes best; gradients of
// weights are float32.
struct LinearPasses {
  onednn::Operation forward;           // x, weights, (bias,) y
  onednn::Operation backward_data;     // dy, weights, dx
  onednn::Operation backward_weights;  // x, dy, dweights(, dbias)

  dnnl::memory::desc plain_weights;  // as tables hold them, float32
  dnnl::memory::desc forward_weights;
  dnnl::memory::desc backward_weights_read;  // by backward_data
  dnnl::memory::desc weights_gradient;
};

// UNIMPLEMENTED, naming the layer, for what oneDNN cannot do at all.
absl::StatusOr<LinearPasses> MakeLinearPasses(const LinearRequest& request);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_CPU_LINEAR_PASSES_H_
