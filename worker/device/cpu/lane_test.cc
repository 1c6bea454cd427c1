#include "worker/device/cpu/lane.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/tensor/half.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/kernels.h"
#include "worker/device/cpu/kernel_step.h"

extern "C" {
int omp_get_max_threads(void);
void omp_set_num_threads(int);
}

namespace downpour::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A dense layer, a convolution by oneDNN and one by Winograd: everything that could start threads.
constexpr char kModel[] = R"(
  input { name: "images" shape: [16, 16, 16] }
  layer { name: "strided" input: "images" conv2d { filters: 32 kernel: 3 stride: 2 padding: SAME } }
  layer { name: "conv" conv2d { filters: 32 kernel: 5 padding: SAME } }
  layer { name: "flat" flatten {} }
  layer { name: "dense" dense { units: 256 } })";
constexpr KernelStepOptions kStep = {.batch_max = 32, .batch = 32, .fused = false};

int ThreadsOfThisProcess() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<int>(std::distance(begin(tasks), end(tasks)));
}

TEST(Lane, StartsNoThreads) {
  const auto lane = CreateLane("cpu:0");
  const TestChain chain(kModel);
  const int before = ThreadsOfThisProcess();
  omp_set_num_threads(4);
  for (const DType compute : {DType::kFloat32, DType::kBFloat16}) {
    KernelStepOptions options = kStep;
    options.compute = compute;
    RunKernelStep(*lane, chain, options);
    options.batch = 31;
    RunKernelStep(*lane, chain, options);
  }
  EXPECT_EQ(ThreadsOfThisProcess(), before);
  EXPECT_EQ(omp_get_max_threads(), 4) << "what the caller had set";
  omp_set_num_threads(1);
}

TEST(Lane, OnAThreadOfItsOwnGivesTheSameBits) {
  const TestChain chain(kModel);
  const KernelResults wanted = RunKernelStep(*CreateLane("cpu:0"), chain, kStep);
  std::vector<KernelResults> got(2);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < got.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto lane = CreateLane("cpu:" + std::to_string(i));
      for (int round = 0; round < 3; ++round) got[i] = RunKernelStep(*lane, chain, kStep);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const KernelResults& result : got) ExpectSameBits(result, wanted);
}

TEST(Lane, TellsWhatItIs) {
  const auto lane = CreateLane("cpu:5");
  const DeviceDescription& description = lane->description();
  EXPECT_EQ(description.name, "cpu:5");
  EXPECT_THAT(description.hardware, HasSubstr(std::string(", ") + BestKernels().Name()));
  EXPECT_GT(description.memory_bytes, int64_t{1} << 28);
  EXPECT_TRUE(description.memory_is_host_memory);
  EXPECT_TRUE(description.runs_inline);
  EXPECT_FALSE(description.can_record);
  EXPECT_GT(description.peak_flops_float32, 1e8);
  EXPECT_LT(description.peak_flops_float32, 1e13);
  EXPECT_GT(description.peak_bytes_per_second, 1e7);
}

TEST(Lane, MemoryIsAlignedAndCounted) {
  const auto lane = CreateLane("cpu:0");
  for (const size_t size : {size_t{1}, size_t{1000}, size_t{5} << 20}) {
    const auto buffer = lane->Allocate(size, "a test");
    ASSERT_TRUE(buffer.ok());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % kBufferAlignment, 0U);
    EXPECT_EQ(buffer->size(), size);
  }
  EXPECT_EQ(lane->AllocateStaging(0, "nothing")->data(), nullptr);
}

TEST(Lane, MoreMemoryThanThereIsIsRefusedWithTheSizes) {
  const auto lane = CreateLane("cpu:0");
  for (const size_t size : {size_t{1} << 50, std::numeric_limits<size_t>::max()}) {
    const absl::Status status = lane->Allocate(size, "activations").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(std::string(status.message()),
                ::testing::AllOf(HasSubstr("activations"), HasSubstr(std::to_string(size)), HasSubstr("smaller")));
  }
}

TEST(Lane, CopiesZeroesAndAdds) {
  const auto lane = CreateLane("cpu:0");
  std::vector<float> x = {1, 2, 3};
  std::vector<float> y(3);
  lane->Copy(Queue::kCompute, y.data(), x.data(), 12);
  lane->Accumulate(Queue::kCompute, DType::kFloat32, y.data(), x.data(), 3);
  EXPECT_THAT(y, ElementsAre(2, 4, 6));
  lane->Zero(Queue::kCompute, y.data(), 8);
  EXPECT_THAT(y, ElementsAre(0, 0, 6));

  std::vector<BFloat16> narrow(3000, BFloat16::FromFloat(1.5F));  // more than one run
  lane->Accumulate(Queue::kCompute, DType::kBFloat16, narrow.data(), std::vector<BFloat16>(narrow).data(), 3000);
  for (const BFloat16 value : narrow) ASSERT_EQ(value.ToFloat(), 3.F);
  EXPECT_TRUE(lane->Synchronize().ok());
}

TEST(Lane, FlagsWhatIsNotFinite) {
  const auto lane = CreateLane("cpu:0");
  std::vector<float> x(100, 1.F);
  int32_t flag = 0;
  lane->FlagNonFinite(Queue::kCompute, DType::kFloat32, x.data(), 100, &flag);
  EXPECT_EQ(flag, 0);
  x[99] = std::numeric_limits<float>::infinity();
  lane->FlagNonFinite(Queue::kCompute, DType::kFloat32, x.data(), 99, &flag);
  EXPECT_EQ(flag, 0);
  lane->FlagNonFinite(Queue::kCompute, DType::kFloat32, x.data(), 100, &flag);
  EXPECT_EQ(flag, 1);
}

TEST(Lane, EventsAreDoneAndTellTheTimeBetween) {
  const auto lane = CreateLane("cpu:0");
  const auto begin = *lane->CreateEvent(true);
  const auto end = *lane->CreateEvent(true);
  EXPECT_TRUE(begin->Done());
  lane->Record(Queue::kCompute, *begin);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  lane->Record(Queue::kCompute, *end);
  lane->WaitFor(Queue::kCopyIn, *end);
  EXPECT_TRUE(end->Wait().ok());
  EXPECT_GE(*lane->SecondsBetween(*begin, *end), 0.002);
}

TEST(Lane, KeepsItsFirstError) {
  const auto lane = CreateLane("cpu:0");
  std::vector<double> x(4, 1.0);
  lane->Accumulate(Queue::kCompute, DType::kFloat64, x.data(), x.data(), 4);
  int32_t flag = 0;
  lane->FlagNonFinite(Queue::kCompute, DType::kFloat64, x.data(), 4, &flag);
  for (const absl::Status& status : {lane->Status(), lane->Synchronize(), (*lane->CreateEvent())->Wait()}) {
    EXPECT_THAT(std::string(status.message()), HasSubstr("Accumulate on cpu:0 takes float32 or bfloat16, not float64"));
  }
}

TEST(Lane, RecordsNothing) {
  EXPECT_EQ(CreateLane("cpu:0")->RecordWork([] {}).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace downpour::testing
