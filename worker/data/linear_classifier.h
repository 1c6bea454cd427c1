// Whether a set of images can be learnt at all, by the simplest means.
#ifndef DOWNPOUR_WORKER_DATA_LINEAR_CLASSIFIER_H_
#define DOWNPOUR_WORKER_DATA_LINEAR_CLASSIFIER_H_

#include <cstdint>

#include "worker/data/dataset.h"

namespace downpour::testing {

// The part of the first `test_examples` of `test` that softmax regression on the pixels gets right after one pass of
// plain SGD over the first `train_examples` of `train`.
double LinearAccuracy(const ImageDataset& train, uint64_t train_examples, const ImageDataset& test,
                      uint64_t test_examples);

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_DATA_LINEAR_CLASSIFIER_H_
