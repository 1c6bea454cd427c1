#include "worker/models/device_tensor.h"

#include <utility>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "worker/device/number_bytes.h"

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
  const std::vector<std::byte> bytes = ToBytes(dtype, numbers);
  return CopyOf(device, bytes.data(), bytes.size());
}

Buffer DeviceIndices(Device& device, const std::vector<int32_t>& indices) {
  return CopyOf(device, indices.data(), indices.size() * sizeof(int32_t));
}

std::vector<double> NumbersOf(Device& device, DType dtype, const void* data, size_t count) {
  std::vector<std::byte> bytes(count * DTypeSize(dtype));
  // What was enqueued in kCompute comes first.
  device.CopyOut(Queue::kCompute, bytes.data(), data, bytes.size());
  EXPECT_TRUE(device.Synchronize().ok()) << device.Synchronize();
  return FromBytes(dtype, bytes);
}

}  // namespace downpour::testing
