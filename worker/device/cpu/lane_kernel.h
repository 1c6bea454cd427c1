#ifndef DOWNPOUR_WORKER_DEVICE_CPU_LANE_KERNEL_H_
#define DOWNPOUR_WORKER_DEVICE_CPU_LANE_KERNEL_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "worker/device/cpu/lane_context.h"
#include "worker/device/kernel.h"

namespace downpour {

// What most kernels of a lane have in common: nothing to prepare, and their needs known when they are made.
class LaneKernel : public Kernel {
 public:
  const KernelNeeds& needs() const final { return needs_; }
  void Prepare(std::span<const void* const> /*parameters*/, void* /*prepared*/, void* /*workspace*/) final {}

 protected:
  LaneKernel(const KernelSpec& spec, LaneContext* lane)
      : spec_(spec), layer_(*spec.chain.front()), batch_max_(static_cast<size_t>(spec.batch_max)), lane_(*lane) {}

  const nn::NnKernels& nn() const { return lane_.nn; }

  // All floats of a tensor of a batch.
  static size_t Count(int64_t batch, const TensorType& type) { return static_cast<size_t>(batch * type.elements); }

  const KernelSpec spec_;
  const Layer& layer_;
  const size_t batch_max_;
  LaneContext& lane_;
  KernelNeeds needs_;  // filled in by the constructors
};

inline const float* Floats(const void* data) { return static_cast<const float*>(data); }
inline float* Floats(void* data) { return static_cast<float*>(data); }

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_CPU_LANE_KERNEL_H_
