#include "worker/models/device_tensor.h"

#include <utility>

#include "absl/status/statusor.h"
#include "common/tensor/half.h"
#include "gtest/gtest.h"

namespace downpour::testing {
namespace {

Buffer CopyOf(Device& device, const void* data, size_t size) {
  Buffer buffer = DeviceBytes(device, size);
  if (buffer.data() != nullptr) device.CopyIn(Queue::kCompute, buffer.data(), data, size);
  EXPECT_TRUE(device.Synchronize().ok()) << device.Synchronize();
  return buffer;
}

}  // namespace

Buffer DeviceBytes(Device& device, size_t size) {
  if (size == 0) return Buffer();
  absl::StatusOr<Buffer> buffer = device.Allocate(size, "a test");
  EXPECT_TRUE(buffer.ok()) << buffer.status();
  if (!buffer.ok()) return Buffer();
  const std::vector<unsigned char> ones(size, 0xff);
  device.CopyIn(Queue::kCompute, buffer->data(), ones.data(), size);
  EXPECT_TRUE(device.Synchronize().ok()) << device.Synchronize();
  return *std::move(buffer);
}

Buffer DeviceNumbers(Device& device, DType dtype, const std::vector<double>& numbers) {
  if (dtype == DType::kFloat64) return CopyOf(device, numbers.data(), numbers.size() * sizeof(double));
  const std::vector<float> floats(numbers.begin(), numbers.end());
  if (dtype == DType::kFloat32) return CopyOf(device, floats.data(), floats.size() * sizeof(float));
  EXPECT_EQ(dtype, DType::kBFloat16);
  std::vector<BFloat16> halves;
  for (const float value : floats) halves.push_back(BFloat16::FromFloat(value));
  return CopyOf(device, halves.data(), halves.size() * sizeof(BFloat16));
}

Buffer DeviceIndices(Device& device, const std::vector<int32_t>& indices) {
  return CopyOf(device, indices.data(), indices.size() * sizeof(int32_t));
}

std::vector<double> NumbersOf(Device& device, DType dtype, const void* data, size_t count) {
  std::vector<unsigned char> bytes(count * DTypeSize(dtype));
  // What was enqueued in kCompute comes first.
  device.CopyOut(Queue::kCompute, bytes.data(), data, bytes.size());
  EXPECT_TRUE(device.Synchronize().ok()) << device.Synchronize();
  std::vector<double> numbers;
  for (size_t i = 0; i < count; ++i) {
    if (dtype == DType::kFloat64) {
      numbers.push_back(reinterpret_cast<const double*>(bytes.data())[i]);
    } else if (dtype == DType::kFloat32) {
      numbers.push_back(reinterpret_cast<const float*>(bytes.data())[i]);
    } else {
      numbers.push_back(reinterpret_cast<const BFloat16*>(bytes.data())[i].ToFloat());
    }
  }
  return numbers;
}

}  // namespace downpour::testing
