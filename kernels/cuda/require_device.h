#ifndef DOWNPOUR_KERNELS_CUDA_REQUIRE_DEVICE_H_
#define DOWNPOUR_KERNELS_CUDA_REQUIRE_DEVICE_H_

#include <gtest/gtest.h>

#include "kernels/cuda/device.h"

// First line of a test (or of SetUp) that runs kernels: without a GPU the test is skipped, and its
// log says why with a line that begins with `SKIPPED:`.
#define DP_REQUIRE_CUDA_DEVICE()                                                    \
  do {                                                                              \
    if (const auto dp_devices = ::downpour::ListCudaDevices(); !dp_devices.ok()) {  \
      GTEST_SKIP() << "SKIPPED: no CUDA device: " << dp_devices.status().message(); \
    }                                                                               \
  } while (false)

#endif  // DOWNPOUR_KERNELS_CUDA_REQUIRE_DEVICE_H_
