// Tensors in the memory of any device, for tests.
#ifndef DOWNPOUR_WORKER_MODELS_DEVICE_TENSOR_H_
#define DOWNPOUR_WORKER_MODELS_DEVICE_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/tensor/dtype.h"
#include "worker/device/device.h"

namespace downpour::testing {

// Memory of `size` bytes, 0xff at first (NaN in every type of real numbers), so that what is read before it is written
// shows. Fails the test that calls if the device has no memory. Null for 0 bytes.
Buffer DeviceBytes(Device& device, size_t size);

// Numbers as `dtype`: kFloat32, kFloat64 or kBFloat16.
Buffer DeviceNumbers(Device& device, DType dtype, const std::vector<double>& numbers);
Buffer DeviceIndices(Device& device, const std::vector<int32_t>& indices);

// Waits for the device. `data` is device memory of `count` numbers.
std::vector<double> NumbersOf(Device& device, DType dtype, const void* data, size_t count);

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_MODELS_DEVICE_TENSOR_H_
