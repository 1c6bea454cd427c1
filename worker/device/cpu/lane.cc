#include "worker/device/cpu/lane.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"
#include "common/tensor/aligned_buffer.h"
#include "kernels/kernels.h"
#include "worker/device/cpu/lane_context.h"
#include "worker/device/cpu/lane_kernels.h"
#include "worker/device/cpu/processor.h"

namespace downpour {
namespace {

// Floats at a time, where bfloat16 is worked on as float32.
constexpr size_t kRun = 1024;

int64_t MachineMemoryBytes() {
  return static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<int64_t>(sysconf(_SC_PAGESIZE));
}

std::atomic<int64_t>& BytesInUse() {
  static std::atomic<int64_t> bytes{0};
  return bytes;
}

// Memory of the process, counted over all lanes: that of the machine is what bounds it.
class HostMemory final : public MemoryOwner {
 public:
  absl::StatusOr<Buffer> Allocate(size_t size, std::string_view what) {
    if (size == 0) return Buffer();
    const int64_t limit = MachineMemoryBytes();
    const int64_t used = BytesInUse().load(std::memory_order_relaxed);
    const bool fits = size <= static_cast<size_t>(limit) && static_cast<int64_t>(size) <= limit - used;
    // Large blocks in whole huge pages: fewer misses of the address cache.
    const size_t alignment = size >= AlignedBuffer::kHugePageBytes ? AlignedBuffer::kHugePageBytes : kBufferAlignment;
    void* const data = fits ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment) : nullptr;
    if (data == nullptr) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no memory for ", ToAbsl(what), ": ", size, " bytes asked for, ", used, " in use by lanes, ",
                       std::max<int64_t>(limit - used, 0),
                       " free at most; make the batch or the model smaller, or use fewer lanes"));
    }
    if (alignment == AlignedBuffer::kHugePageBytes) madvise(data, size, MADV_HUGEPAGE);
    BytesInUse().fetch_add(static_cast<int64_t>(size), std::memory_order_relaxed);
    return Buffer(data, size, this);
  }

  void Free(void* data, size_t size) override {
    BytesInUse().fetch_sub(static_cast<int64_t>(size), std::memory_order_relaxed);
    std::free(data);
  }
};

// A point in time: whatever is enqueued has run.
class LaneEvent final : public Event {
 public:
  explicit LaneEvent(const StickyStatus* status) : status_(*status) {}

  absl::Status Wait() override { return status_.Get(); }
  bool Done() override { return true; }

  void Record() { time_ = std::chrono::steady_clock::now(); }
  std::chrono::steady_clock::time_point time() const { return time_; }

 private:
  const StickyStatus& status_;
  std::chrono::steady_clock::time_point time_{};
};

class Lane final : public Device {
 public:
  explicit Lane(std::string name)
      : context_{.nn = nn::BestNnKernels(), .vectors = BestKernels(), .stream = {}, .status = {}} {
    const Processor& processor = ThisProcessor();
    description_ = {
        .name = std::move(name),
        .hardware = absl::StrCat(processor.name, ", ", context_.nn.name),
        .memory_bytes = MachineMemoryBytes(),
        .peak_flops_float32 = processor.flops_float32,
        .peak_flops_bfloat16 = processor.flops_bfloat16,
        .peak_bytes_per_second = processor.bytes_per_second,
        .memory_is_host_memory = true,
        .runs_inline = true,
        .can_record = false,
    };
  }

  const DeviceDescription& description() const override { return description_; }

  absl::StatusOr<Buffer> Allocate(size_t size, std::string_view what) override { return memory_.Allocate(size, what); }
  absl::StatusOr<Buffer> AllocateStaging(size_t size, std::string_view what) override {
    return memory_.Allocate(size, what);
  }

  void CopyIn(Queue queue, void* to, const void* from_host, size_t size) override { Copy(queue, to, from_host, size); }
  void CopyOut(Queue queue, void* to_host, const void* from, size_t size) override { Copy(queue, to_host, from, size); }
  void Copy(Queue /*queue*/, void* to, const void* from, size_t size) override {
    if (size > 0) std::memmove(to, from, size);
  }
  void Zero(Queue /*queue*/, void* data, size_t size) override {
    if (size > 0) std::memset(data, 0, size);
  }

  void Accumulate(Queue /*queue*/, DType dtype, void* sum, const void* x, int64_t count) override {
    const auto size = static_cast<size_t>(count);
    if (dtype == DType::kFloat32) {
      auto* const total = static_cast<float*>(sum);
      return context_.nn.elementwise.Add(total, static_cast<const float*>(x), total, size);
    }
    if (dtype != DType::kBFloat16) return FailType("Accumulate", dtype);
    auto* const total = static_cast<std::byte*>(sum);
    const auto* const addend = static_cast<const std::byte*>(x);
    std::array<float, kRun> left;
    std::array<float, kRun> right;
    for (size_t begin = 0; begin < size; begin += kRun) {
      const size_t run = std::min(kRun, size - begin);
      context_.vectors.ToFloat(total + 2 * begin, dtype, left.data(), run);
      context_.vectors.ToFloat(addend + 2 * begin, dtype, right.data(), run);
      context_.nn.elementwise.Add(left.data(), right.data(), left.data(), run);
      context_.vectors.FromFloat(left.data(), dtype, total + 2 * begin, run);
    }
  }

  void FlagNonFinite(Queue /*queue*/, DType dtype, const void* x, int64_t count, int32_t* flag) override {
    if (dtype != DType::kFloat32 && dtype != DType::kBFloat16) return FailType("FlagNonFinite", dtype);
    if (!context_.vectors.AllFinite(static_cast<const std::byte*>(x), dtype, static_cast<size_t>(count))) *flag = 1;
  }

  absl::StatusOr<std::unique_ptr<Event>> CreateEvent(bool /*timed*/) override {
    return std::make_unique<LaneEvent>(&context_.status);
  }
  void Record(Queue /*queue*/, Event& event) override { static_cast<LaneEvent&>(event).Record(); }
  void WaitFor(Queue /*queue*/, Event& /*event*/) override {}
  absl::StatusOr<double> SecondsBetween(Event& begin, Event& end) override {
    const auto elapsed = static_cast<LaneEvent&>(end).time() - static_cast<LaneEvent&>(begin).time();
    return std::chrono::duration<double>(elapsed).count();
  }

  absl::Status Synchronize() override { return context_.status.Get(); }
  absl::Status Status() override { return context_.status.Get(); }

  bool Fuses(const KernelSpec& spec) const override { return LaneFuses(spec); }
  absl::StatusOr<std::unique_ptr<Kernel>> CreateKernel(const KernelSpec& spec) override {
    return MakeLaneKernel(spec, &context_);
  }

  absl::StatusOr<std::unique_ptr<Recording>> RecordWork(absl::FunctionRef<void()> /*enqueue*/) override {
    return absl::UnimplementedError(
        absl::StrCat(description_.name, " runs what is enqueued at once and records nothing: enqueue it each time"));
  }
  void Replay(Recording& /*recording*/) override {}

 private:
  void FailType(std::string_view what, DType dtype) {
    context_.status.Update(absl::InvalidArgumentError(absl::StrCat(
        ToAbsl(what), " on ", description_.name, " takes float32 or bfloat16, not ", ToAbsl(DTypeName(dtype)))));
  }

  LaneContext context_;
  HostMemory memory_;
  DeviceDescription description_;
};

}  // namespace

std::unique_ptr<Device> CreateLane(std::string name) {
  // Before the first primitive of the process: later it would be too late.
  onednn::LimitInstructionSet(BestKernels().Name());
  return std::make_unique<Lane>(std::move(name));
}

}  // namespace downpour
