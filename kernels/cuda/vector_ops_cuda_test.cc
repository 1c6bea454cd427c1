#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/cuda/require_device.h"
#include "kernels/cuda/vector_ops.h"

namespace downpour::cuda {
namespace {

// Sizes around the edges of a vector, a block and the whole grid.
const int64_t kSizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 31, 1023, 1024, 1027, 100'003, 4 * 1024 * 1024 + 4099};

// Offsets, in floats, from a 16-byte boundary.
const int64_t kOffsets[] = {0, 1, 2, 3};

constexpr int64_t kGuard = 8;
constexpr float kPoison = -12345.625f;

// n floats on the device, `offset` floats past a 16-byte boundary, between guards of poison.
class GuardedArray {
 public:
  GuardedArray(const std::vector<float>& values, int64_t offset) : offset_(kGuard + offset) {
    host_.assign(offset_ + values.size() + kGuard, kPoison);
    std::copy(values.begin(), values.end(), host_.begin() + offset_);
    EXPECT_EQ(cudaMalloc(&device_, bytes()), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(device_, host_.data(), bytes(), cudaMemcpyHostToDevice), cudaSuccess);
  }
  ~GuardedArray() { cudaFree(device_); }
  GuardedArray(const GuardedArray&) = delete;
  GuardedArray& operator=(const GuardedArray&) = delete;

  float* data() { return device_ + offset_; }

  // Waits for the device and compares bit by bit: the values, and the poison around them.
  void ExpectEqual(const std::vector<float>& expected, const std::string& what) {
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess) << what;
    std::vector<float> want(host_.size(), kPoison);
    std::copy(expected.begin(), expected.end(), want.begin() + offset_);
    ASSERT_EQ(cudaMemcpy(host_.data(), device_, bytes(), cudaMemcpyDeviceToHost), cudaSuccess) << what;
    for (size_t i = 0; i < want.size(); ++i) {
      ASSERT_EQ(std::memcmp(&host_[i], &want[i], sizeof(float)), 0)
          << what << ": element " << static_cast<int64_t>(i) - offset_ << " is " << host_[i] << ", not " << want[i];
    }
  }

 private:
  size_t bytes() const { return host_.size() * sizeof(float); }

  int64_t offset_;
  std::vector<float> host_;
  float* device_ = nullptr;
};

class VectorOpsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    DP_REQUIRE_CUDA_DEVICE();
    ASSERT_EQ(cudaStreamCreate(&stream_), cudaSuccess);
  }
  void TearDown() override {
    if (stream_ != nullptr) {
      EXPECT_EQ(cudaStreamDestroy(stream_), cudaSuccess);
    }
  }

  std::vector<float> Random(int64_t n) {
    std::vector<float> values(n);
    for (float& value : values) value = distribution_(generator_);
    return values;
  }

  static std::string Case(int64_t n, int64_t offset) {
    return "n " + std::to_string(n) + " offset " + std::to_string(offset);
  }

  cudaStream_t stream_ = nullptr;
  std::mt19937 generator_{20240607};
  std::normal_distribution<float> distribution_;
};

TEST_F(VectorOpsTest, FillWritesEveryElementAndNoOther) {
  for (int64_t n : kSizes) {
    for (int64_t offset : kOffsets) {
      GuardedArray x(Random(n), offset);
      ASSERT_EQ(Fill(0.7f, x.data(), n, stream_), cudaSuccess);
      x.ExpectEqual(std::vector<float>(n, 0.7f), Case(n, offset));
    }
  }
}

TEST_F(VectorOpsTest, ScaleGivesTheBitsOfAPlainLoop) {
  for (int64_t n : kSizes) {
    for (int64_t offset : kOffsets) {
      std::vector<float> values = Random(n);
      GuardedArray x(values, offset);
      ASSERT_EQ(Scale(-1.3f, x.data(), n, stream_), cudaSuccess);
      for (float& value : values) value *= -1.3f;
      x.ExpectEqual(values, Case(n, offset));
    }
  }
}

TEST_F(VectorOpsTest, AxpyGivesTheBitsOfAPlainLoopWhateverTheAlignmentOfBothArrays) {
  for (int64_t n : kSizes) {
    for (int64_t x_offset : kOffsets) {
      for (int64_t y_offset : kOffsets) {
        if (n > 100'003 && x_offset > 1) continue;  // the large size needs no more than one pair of each kind
        const std::vector<float> x_values = Random(n);
        std::vector<float> y_values = Random(n);
        GuardedArray x(x_values, x_offset);
        GuardedArray y(y_values, y_offset);
        ASSERT_EQ(Axpy(0.37f, x.data(), y.data(), n, stream_), cudaSuccess);
        for (int64_t i = 0; i < n; ++i) y_values[i] = std::fma(0.37f, x_values[i], y_values[i]);
        y.ExpectEqual(y_values, Case(n, x_offset) + "/" + std::to_string(y_offset));
        x.ExpectEqual(x_values, "x, which is only read");
      }
    }
  }
}

TEST_F(VectorOpsTest, AxpyOfAnArrayOntoItselfIsAScale) {
  std::vector<float> values = Random(1027);
  GuardedArray x(values, 1);
  ASSERT_EQ(Axpy(2.0f, x.data(), x.data(), 1027, stream_), cudaSuccess);
  for (float& value : values) value = std::fma(2.0f, value, value);
  x.ExpectEqual(values, "x");
}

class NonFiniteTest : public VectorOpsTest {
 protected:
  void SetUp() override {
    VectorOpsTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_EQ(cudaMalloc(&found_, sizeof(uint32_t)), cudaSuccess);
  }
  void TearDown() override {
    if (found_ != nullptr) cudaFree(found_);
    VectorOpsTest::TearDown();
  }

  // What the flag holds after a look at `values`, when it held `before`.
  uint32_t Look(const std::vector<float>& values, int64_t offset, uint32_t before = 0) {
    GuardedArray x(values, offset);
    EXPECT_EQ(cudaMemcpy(found_, &before, sizeof(before), cudaMemcpyHostToDevice), cudaSuccess);
    EXPECT_EQ(HasNonFinite(x.data(), values.size(), found_, stream_), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    uint32_t after = 99;
    EXPECT_EQ(cudaMemcpy(&after, found_, sizeof(after), cudaMemcpyDeviceToHost), cudaSuccess);
    return after;
  }

  uint32_t* found_ = nullptr;
};

TEST_F(NonFiniteTest, FiniteArraysLeaveTheFlagAlone) {
  using Limits = std::numeric_limits<float>;
  for (int64_t n : kSizes) {
    for (int64_t offset : kOffsets) {
      std::vector<float> values = Random(n);
      if (n > 4) values[n / 2] = Limits::max(), values[n - 1] = -Limits::denorm_min();
      EXPECT_EQ(Look(values, offset), 0u) << Case(n, offset);
    }
  }
  EXPECT_EQ(Look({1.0f, 2.0f}, 0, 1), 1u) << "an earlier finding must stay";
}

TEST_F(NonFiniteTest, OneBadElementIsFoundWhereverItIs) {
  using Limits = std::numeric_limits<float>;
  for (int64_t n : {1, 5, 37, 1027}) {
    for (int64_t offset : kOffsets) {
      for (int64_t at = 0; at<n; at += n> 100 ? 41 : 1) {
        std::vector<float> values = Random(n);
        for (float bad : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()}) {
          values[at] = bad;
          EXPECT_EQ(Look(values, offset), 1u) << Case(n, offset) << " element " << at << " is " << bad;
        }
      }
    }
  }
}

TEST_F(NonFiniteTest, ValuesJustOutsideTheArrayDoNotCount) {
  std::vector<float> values(12, 1.0f);
  values.front() = values.back() = std::numeric_limits<float>::quiet_NaN();
  GuardedArray x(values, 0);
  EXPECT_EQ(cudaMemset(found_, 0, sizeof(uint32_t)), cudaSuccess);
  EXPECT_EQ(HasNonFinite(x.data() + 1, 10, found_, stream_), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  uint32_t after = 99;
  EXPECT_EQ(cudaMemcpy(&after, found_, sizeof(after), cudaMemcpyDeviceToHost), cudaSuccess);
  EXPECT_EQ(after, 0u);
}

// These two need no GPU: nothing is launched.
TEST(VectorOpsArgumentsTest, NoElementsMeanNoLaunchAndNoPointer) {
  EXPECT_EQ(Fill(1, nullptr, 0, nullptr), cudaSuccess);
  EXPECT_EQ(Scale(1, nullptr, 0, nullptr), cudaSuccess);
  EXPECT_EQ(Axpy(1, nullptr, nullptr, 0, nullptr), cudaSuccess);
  EXPECT_EQ(HasNonFinite(nullptr, 0, nullptr, nullptr), cudaSuccess);
}

TEST(VectorOpsArgumentsTest, ANegativeCountIsRefused) {
  EXPECT_EQ(Fill(1, nullptr, -1, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(Scale(1, nullptr, -1, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(Axpy(1, nullptr, nullptr, -1, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(HasNonFinite(nullptr, -1, nullptr, nullptr), cudaErrorInvalidValue);
}

}  // namespace
}  // namespace downpour::cuda
