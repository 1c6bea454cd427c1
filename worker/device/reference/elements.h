// Tensors in memory, read and written as double.
#ifndef DOWNPOUR_WORKER_DEVICE_REFERENCE_ELEMENTS_H_
#define DOWNPOUR_WORKER_DEVICE_REFERENCE_ELEMENTS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/tensor/dtype.h"

namespace downpour::reference {

// `dtype` is kFloat32, kBFloat16 or kFloat64; values are rounded to it.
std::vector<double> LoadElements(DType dtype, const void* data, int64_t count);
void StoreElements(DType dtype, std::span<const double> values, void* data);

}  // namespace downpour::reference

#endif  // DOWNPOUR_WORKER_DEVICE_REFERENCE_ELEMENTS_H_
