#ifndef DOWNPOUR_KERNELS_NN_REFERENCE_TOPICS_H_
#define DOWNPOUR_KERNELS_NN_REFERENCE_TOPICS_H_

#include "kernels/nn/convolution.h"
#include "kernels/nn/elementwise.h"
#include "kernels/nn/loss.h"
#include "kernels/nn/normalization.h"
#include "kernels/nn/pooling.h"

namespace downpour::nn {

// The oracle by topics: each operation as its definition says, in plain loops and double precision.
const ConvolutionKernels& ReferenceConvolution();
const PoolingKernels& ReferencePooling();
const ElementwiseKernels& ReferenceElementwise();
const NormalizationKernels& ReferenceNormalization();
const LossKernels& ReferenceLoss();

}  // namespace downpour::nn

#endif  // DOWNPOUR_KERNELS_NN_REFERENCE_TOPICS_H_
