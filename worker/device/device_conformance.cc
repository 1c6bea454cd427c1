#include <cstring>
#include <limits>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "worker/device/conformance.h"
#include "worker/device/kernel_harness.h"

namespace downpour::testing {
namespace {

constexpr size_t kCount = 1000;

// Opens the device, or leaves the test.
#define DP_OPEN_DEVICE(device)                                                               \
  absl::StatusOr<std::unique_ptr<Device>> opened = GetParam().open();                        \
  if (absl::IsFailedPrecondition(opened.status()) || absl::IsUnavailable(opened.status())) { \
    GTEST_SKIP() << opened.status();                                                         \
  }                                                                                          \
  ASSERT_TRUE(opened.ok()) << opened.status();                                               \
  [[maybe_unused]] Device& device = **opened

std::vector<float> Counting(float first) {
  std::vector<float> values(kCount);
  std::iota(values.begin(), values.end(), first);
  return values;
}

Buffer Allocated(Device& device, size_t bytes) {
  absl::StatusOr<Buffer> buffer = device.Allocate(bytes, "a test");
  EXPECT_TRUE(buffer.ok()) << buffer.status();
  return buffer.ok() ? *std::move(buffer) : Buffer();
}

std::unique_ptr<Event> Made(Device& device, bool timed = false) {
  absl::StatusOr<std::unique_ptr<Event>> event = device.CreateEvent(timed);
  EXPECT_TRUE(event.ok()) << event.status();
  return event.ok() ? *std::move(event) : nullptr;
}

std::vector<float> Fetched(Device& device, const Buffer& buffer, size_t count = kCount) {
  std::vector<float> values(count);
  device.CopyOut(Queue::kCompute, values.data(), buffer.data(), count * sizeof(float));
  EXPECT_TRUE(device.Synchronize().ok());
  return values;
}

TEST_P(DeviceConformance, DescribesItself) {
  DP_OPEN_DEVICE(device);
  EXPECT_NE(device.description().name, "");
  EXPECT_NE(device.description().hardware, "");
  EXPECT_GE(device.description().memory_bytes, 0);
}

TEST_P(DeviceConformance, AllocatesAlignedMemoryAndNoneForNoBytes) {
  DP_OPEN_DEVICE(device);
  for (const size_t size : {1, 255, 256, 257, 1 << 20}) {
    const Buffer buffer = Allocated(device, size);
    EXPECT_EQ(buffer.size(), size);
    EXPECT_NE(buffer.data(), nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % kBufferAlignment, 0u);
  }
  EXPECT_EQ(Allocated(device, 0).data(), nullptr);
}

TEST_P(DeviceConformance, RefusesAnAbsurdAllocationWithItsPurposeAndSizeAndStaysWell) {
  DP_OPEN_DEVICE(device);
  const size_t absurd = std::numeric_limits<size_t>::max() / 4;
  const absl::StatusOr<Buffer> buffer = device.Allocate(absurd, "the tensors between layers");
  ASSERT_FALSE(buffer.ok());
  EXPECT_TRUE(absl::IsResourceExhausted(buffer.status())) << buffer.status();
  EXPECT_NE(buffer.status().message().find("the tensors between layers"), std::string::npos) << buffer.status();
  EXPECT_NE(buffer.status().message().find(std::to_string(absurd)), std::string::npos) << buffer.status();
  EXPECT_TRUE(device.Status().ok());
  const Buffer small = Allocated(device, 64);
  EXPECT_NE(small.data(), nullptr);
}

TEST_P(DeviceConformance, CopiesInOnAndOut) {
  DP_OPEN_DEVICE(device);
  const std::vector<float> values = Counting(1);
  const Buffer a = Allocated(device, kCount * sizeof(float)), b = Allocated(device, kCount * sizeof(float));
  device.CopyIn(Queue::kCompute, a.data(), values.data(), a.size());
  device.Copy(Queue::kCompute, b.data(), a.data(), a.size());
  device.Zero(Queue::kCompute, a.data(), 10 * sizeof(float));
  EXPECT_EQ(Fetched(device, b), values);
  const std::vector<float> start = Fetched(device, a, 11);
  EXPECT_EQ(start[9], 0);
  EXPECT_EQ(start[10], values[10]);
}

TEST_P(DeviceConformance, CopiesThroughStagingMemoryThatTheHostReadsAndWrites) {
  DP_OPEN_DEVICE(device);
  absl::StatusOr<Buffer> staging = device.AllocateStaging(kCount * sizeof(float), "a test");
  ASSERT_TRUE(staging.ok()) << staging.status();
  const std::vector<float> values = Counting(3);
  std::memcpy(staging->data(), values.data(), staging->size());
  const Buffer buffer = Allocated(device, staging->size());
  const std::unique_ptr<Event> in = Made(device), out = Made(device);
  device.CopyIn(Queue::kCopyIn, buffer.data(), staging->data(), staging->size());
  device.Record(Queue::kCopyIn, *in);
  ASSERT_TRUE(in->Wait().ok());
  std::memset(staging->data(), 0, staging->size());
  device.CopyOut(Queue::kCopyOut, staging->data(), buffer.data(), staging->size());
  device.Record(Queue::kCopyOut, *out);
  ASSERT_TRUE(out->Wait().ok());
  EXPECT_EQ(std::memcmp(staging->data(), values.data(), staging->size()), 0);
}

TEST_P(DeviceConformance, OrdersQueuesByEvents) {
  DP_OPEN_DEVICE(device);
  const size_t bytes = kCount * sizeof(float);
  absl::StatusOr<Buffer> in = device.AllocateStaging(bytes, "a test"), out = device.AllocateStaging(bytes, "a test");
  ASSERT_TRUE(in.ok() && out.ok());
  const std::unique_ptr<Event> arrived = Made(device), computed = Made(device), left = Made(device);
  const Buffer a = Allocated(device, bytes), b = Allocated(device, bytes);
  for (int round = 0; round < 20; ++round) {
    const std::vector<float> values = Counting(static_cast<float>(round));
    std::memcpy(in->data(), values.data(), bytes);
    device.CopyIn(Queue::kCopyIn, a.data(), in->data(), bytes);
    device.Record(Queue::kCopyIn, *arrived);
    device.WaitFor(Queue::kCompute, *arrived);
    device.Copy(Queue::kCompute, b.data(), a.data(), bytes);
    device.Accumulate(Queue::kCompute, DType::kFloat32, b.data(), a.data(), kCount);
    device.Record(Queue::kCompute, *computed);
    device.WaitFor(Queue::kCopyOut, *computed);
    device.CopyOut(Queue::kCopyOut, out->data(), b.data(), bytes);
    device.Record(Queue::kCopyOut, *left);
    ASSERT_TRUE(left->Wait().ok());
    EXPECT_TRUE(computed->Done());
    EXPECT_EQ(out->As<float>()[kCount - 1], 2 * values.back()) << "round " << round;
  }
}

TEST_P(DeviceConformance, WaitsAtOnceForAnEventThatWasNeverRecorded) {
  DP_OPEN_DEVICE(device);
  const std::unique_ptr<Event> event = Made(device);
  EXPECT_TRUE(event->Done());
  EXPECT_TRUE(event->Wait().ok());
  device.WaitFor(Queue::kCopyOut, *event);
  EXPECT_TRUE(device.Synchronize().ok());
}

TEST_P(DeviceConformance, LetsAnotherThreadWaitForAnEventWhileWorkIsEnqueued) {
  DP_OPEN_DEVICE(device);
  const Buffer a = Allocated(device, kCount * sizeof(float)), b = Allocated(device, kCount * sizeof(float));
  const std::unique_ptr<Event> event = Made(device);
  device.Zero(Queue::kCompute, a.data(), a.size());
  device.Record(Queue::kCompute, *event);
  std::thread waiter([&event] { EXPECT_TRUE(event->Wait().ok()); });
  for (int i = 0; i < 100; ++i) device.Zero(Queue::kCompute, b.data(), b.size());
  waiter.join();
  EXPECT_TRUE(device.Synchronize().ok());
}

TEST_P(DeviceConformance, TellsTheTimeBetweenTimedEvents) {
  DP_OPEN_DEVICE(device);
  const std::unique_ptr<Event> begin = Made(device, true), end = Made(device, true);
  const Buffer buffer = Allocated(device, 1 << 20);
  device.Record(Queue::kCompute, *begin);
  device.Zero(Queue::kCompute, buffer.data(), buffer.size());
  device.Record(Queue::kCompute, *end);
  ASSERT_TRUE(device.Synchronize().ok());
  const absl::StatusOr<double> seconds = device.SecondsBetween(*begin, *end);
  ASSERT_TRUE(seconds.ok()) << seconds.status();
  EXPECT_GE(*seconds, 0);
  EXPECT_LT(*seconds, 3600);
}

TEST_P(DeviceConformance, AccumulatesInEveryTypeThatItComputesIn) {
  DP_OPEN_DEVICE(device);
  for (const DeviceUnderTest::Compute& compute : GetParam().computes) {
    // Zero bits are zero in every type, and 0x40 in each byte is a number that doubles exactly.
    const size_t bytes = kCount * DTypeSize(compute.dtype);
    const std::vector<std::byte> ones(bytes, std::byte{0x40});
    const Buffer sum = Allocated(device, bytes), x = Allocated(device, bytes);
    device.CopyIn(Queue::kCompute, x.data(), ones.data(), bytes);
    device.Zero(Queue::kCompute, sum.data(), bytes);
    device.Accumulate(Queue::kCompute, compute.dtype, sum.data(), x.data(), kCount - 1);
    std::vector<std::byte> result(bytes);
    device.CopyOut(Queue::kCompute, result.data(), sum.data(), bytes);
    ASSERT_TRUE(device.Synchronize().ok());
    const size_t used = bytes - DTypeSize(compute.dtype);
    EXPECT_EQ(std::memcmp(result.data(), ones.data(), used), 0) << DTypeName(compute.dtype);
    EXPECT_EQ(result[used], std::byte{0}) << "one element too many, " << DTypeName(compute.dtype);
  }
}

TEST_P(DeviceConformance, FlagsInfinityAndNanWhereverTheyAreAndNothingElse) {
  DP_OPEN_DEVICE(device);
  const Buffer x = Allocated(device, kCount * sizeof(float)), flag = Allocated(device, sizeof(int32_t));
  const auto flagged = [&](const std::vector<float>& values) {
    int32_t result = -1;
    device.CopyIn(Queue::kCompute, x.data(), values.data(), x.size());
    EXPECT_TRUE(device.Synchronize().ok());
    device.Zero(Queue::kCompute, flag.data(), flag.size());
    device.FlagNonFinite(Queue::kCompute, DType::kFloat32, x.data(), kCount, flag.As<int32_t>());
    device.CopyOut(Queue::kCompute, &result, flag.data(), sizeof(result));
    EXPECT_TRUE(device.Synchronize().ok());
    return result;
  };
  std::vector<float> values = Counting(-5);
  values[3] = std::numeric_limits<float>::max();
  values[4] = -std::numeric_limits<float>::max();
  EXPECT_EQ(flagged(values), 0);
  for (const size_t at : {size_t{0}, size_t{500}, kCount - 1}) {
    for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()}) {
      std::vector<float> spoilt = values;
      spoilt[at] = bad;
      EXPECT_EQ(flagged(spoilt), 1) << bad << " at " << at;
    }
  }
}

TEST_P(DeviceConformance, RecordsWorkAndReplaysItOnWhatIsThere) {
  DP_OPEN_DEVICE(device);
  const size_t bytes = kCount * sizeof(float);
  const Buffer a = Allocated(device, bytes), sum = Allocated(device, bytes);
  const std::unique_ptr<Event> event = Made(device);
  device.Zero(Queue::kCompute, sum.data(), bytes);
  ASSERT_TRUE(device.Synchronize().ok());
  const auto recording = device.RecordWork([&] {
    device.Accumulate(Queue::kCompute, DType::kFloat32, sum.data(), a.data(), kCount);
    device.Record(Queue::kCompute, *event);
  });
  if (!device.description().can_record) {
    EXPECT_TRUE(absl::IsUnimplemented(recording.status())) << recording.status();
    return;
  }
  ASSERT_TRUE(recording.ok()) << recording.status();
  EXPECT_EQ(Fetched(device, sum, 1)[0], 0) << "recording must not run anything";
  for (const float value : {1.0f, 10.0f, 100.0f}) {
    const std::vector<float> values = Counting(value);
    device.CopyIn(Queue::kCompute, a.data(), values.data(), bytes);
    device.Replay(**recording);
    ASSERT_TRUE(event->Wait().ok());
    EXPECT_TRUE(device.Synchronize().ok());
  }
  EXPECT_EQ(Fetched(device, sum, 1)[0], 111);
}

TEST_P(DeviceConformance, ReportsAnIndexOutOfRangeWithItsLayerAndStaysInError) {
  DP_OPEN_DEVICE(device);
  const LayerCase embedding{
      .name = "embedding",
      .model = "input { name: 'x' dtype: INT32 } layer { name: 'words' input: 'x' embedding { rows: 4 width: 3 } }",
      .index_bound = 4};
  for (const double bad : {4.0, -1.0, 2147483647.0, -2147483648.0}) {
    absl::StatusOr<std::unique_ptr<Device>> fresh = GetParam().open();
    ASSERT_TRUE(fresh.ok()) << fresh.status();
    auto harness = KernelHarness::Create(fresh->get(), GraphOf(embedding),
                                         {.compute = GetParam().computes[0].dtype, .batch_max = 2});
    ASSERT_TRUE(harness.ok()) << harness.status();
    KernelValues values = RandomKernelValues((*harness)->spec(), 2, 1, 4);
    values.inputs[0][1] = bad;
    const absl::StatusOr<KernelResults> results = (*harness)->Run(values);
    ASSERT_FALSE(results.ok()) << bad;
    EXPECT_NE(results.status().message().find("words"), std::string::npos) << results.status();
    EXPECT_EQ((*fresh)->Status(), results.status());
    EXPECT_EQ((*fresh)->Synchronize(), results.status());
  }
}

TEST_P(DeviceConformance, ReportsALabelOutOfRange) {
  DP_OPEN_DEVICE(device);
  const LayerCase loss{.name = "loss",
                       .model =
                           "input { name: 'x' shape: [3] } input { name: 'y' dtype: INT32 } "
                           "layer { name: 'judge' input: 'x' input: 'y' softmax_cross_entropy {} }",
                       .index_bound = 3};
  auto harness =
      KernelHarness::Create(&device, GraphOf(loss), {.compute = GetParam().computes[0].dtype, .batch_max = 2});
  ASSERT_TRUE(harness.ok()) << harness.status();
  KernelValues values = RandomKernelValues((*harness)->spec(), 2, 1, 3);
  values.inputs[1][0] = 3;
  const absl::StatusOr<KernelResults> results = (*harness)->Run(values);
  ASSERT_FALSE(results.ok());
  EXPECT_NE(results.status().message().find("judge"), std::string::npos) << results.status();
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DeviceConformance);

}  // namespace
}  // namespace downpour::testing
