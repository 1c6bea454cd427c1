// All kinds of layers there are. A new one has a file of its own in this folder, a line here, one in resolve.cc, and a
// kernel on each device.
#ifndef DOWNPOUR_WORKER_LAYERS_OP_H_
#define DOWNPOUR_WORKER_LAYERS_OP_H_

#include <variant>

#include "worker/layers/activation.h"
#include "worker/layers/batch_norm.h"
#include "worker/layers/concat.h"
#include "worker/layers/conv2d.h"
#include "worker/layers/dense.h"
#include "worker/layers/dropout.h"
#include "worker/layers/elementwise.h"
#include "worker/layers/embedding.h"
#include "worker/layers/global_pool.h"
#include "worker/layers/layer_norm.h"
#include "worker/layers/lrn.h"
#include "worker/layers/mean_squared_error.h"
#include "worker/layers/pool2d.h"
#include "worker/layers/reshape.h"
#include "worker/layers/sigmoid_cross_entropy.h"
#include "worker/layers/softmax.h"
#include "worker/layers/softmax_cross_entropy.h"

namespace downpour {

using Op =
    std::variant<Dense, Conv2D, Pool2D, GlobalPool, Activation, Softmax, Lrn, BatchNorm, LayerNorm, Dropout, Reshape,
                 Elementwise, Concat, Embedding, SoftmaxCrossEntropy, SigmoidCrossEntropy, MeanSquaredError>;

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_OP_H_
