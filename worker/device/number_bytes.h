// Numbers as a device holds them, for tests.
#ifndef DOWNPOUR_WORKER_DEVICE_NUMBER_BYTES_H_
#define DOWNPOUR_WORKER_DEVICE_NUMBER_BYTES_H_

#include <cstddef>
#include <vector>

#include "common/tensor/dtype.h"

namespace downpour::testing {

// `dtype` is kFloat64, kFloat32, kBFloat16 or kInt32. Real numbers are rounded, the last time from float32.
std::vector<std::byte> ToBytes(DType dtype, const std::vector<double>& numbers);

std::vector<double> FromBytes(DType dtype, const std::vector<std::byte>& bytes);

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_DEVICE_NUMBER_BYTES_H_
