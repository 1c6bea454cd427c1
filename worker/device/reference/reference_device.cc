#include "worker/device/reference/reference_device.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "common/tensor/aligned_buffer.h"
#include "worker/device/reference/elements.h"
#include "worker/device/reference/reference_kernel.h"
#include "worker/device/reference/work_queues.h"

namespace downpour {
namespace {

using reference::WorkQueues;

class ReferenceDevice;

class ReferenceEvent final : public Event {
 public:
  ReferenceEvent(ReferenceDevice* device, bool timed) : device_(device), timed_(timed) {}

  absl::Status Wait() override;
  bool Done() override;

  const std::shared_ptr<WorkQueues::Point>& point() const { return point_; }
  bool timed() const { return timed_; }

 private:
  ReferenceDevice* const device_;
  const bool timed_;
  const std::shared_ptr<WorkQueues::Point> point_ = std::make_shared<WorkQueues::Point>();
};

struct ReferenceRecording final : Recording {
  std::vector<WorkQueues::Task> tasks;
};

class ReferenceDevice final : public Device, public MemoryOwner {
 public:
  explicit ReferenceDevice(const ReferenceDeviceOptions& options) : options_(options), queues_(options.deferred) {
    description_.name = "reference";
    description_.hardware = "plain loops in double precision";
    description_.memory_bytes = static_cast<int64_t>(options.memory_max);
    description_.memory_is_host_memory = true;
    description_.runs_inline = !options.deferred;
    description_.can_record = options.deferred;
  }

  const DeviceDescription& description() const override { return description_; }

  absl::StatusOr<Buffer> Allocate(size_t size, std::string_view what) override {
    if (size == 0) return Buffer(nullptr, 0, this);
    if (options_.memory_max != 0 && size > options_.memory_max - in_use_) {
      return absl::ResourceExhaustedError(
          absl::StrCat(description_.name, ": no memory for ", ToAbsl(what), ": ", size, " bytes asked for, ", in_use_,
                       " in use, ", options_.memory_max - in_use_, " free; make the batch or the model smaller"));
    }
    if (size > std::numeric_limits<size_t>::max() / 2) {
      return absl::ResourceExhaustedError(
          absl::StrCat(description_.name, ": no memory for ", ToAbsl(what), ": ", size, " bytes asked for"));
    }
    // Whole lines of kBufferAlignment; AllocateAligned aligns to 64, so a pointer to the start lies before them.
    const size_t rounded = (size + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
    absl::StatusOr<std::byte*> block = AllocateAligned(rounded + kBufferAlignment);
    if (!block.ok()) {
      return absl::ResourceExhaustedError(absl::StrCat(description_.name, ": no memory for ", ToAbsl(what), ": ", size,
                                                       " bytes asked for, ", in_use_, " in use"));
    }
    const size_t skip = kBufferAlignment - reinterpret_cast<uintptr_t>(*block) % kBufferAlignment;
    std::byte* const data = *block + skip;  // skip is at least 64
    std::memcpy(data - sizeof(skip), &skip, sizeof(skip));
    std::memset(data, 0xff, size);  // NaN in every type
    in_use_ += size;
    return Buffer(data, size, this);
  }

  absl::StatusOr<Buffer> AllocateStaging(size_t size, std::string_view what) override { return Allocate(size, what); }

  void Free(void* data, size_t size) override {
    auto* const bytes = static_cast<std::byte*>(data);
    size_t skip = 0;
    std::memcpy(&skip, bytes - sizeof(skip), sizeof(skip));
    FreeAligned(bytes - skip);
    in_use_ -= size;
  }

  void CopyIn(Queue queue, void* to, const void* from, size_t size) override { Copy(queue, to, from, size); }
  void CopyOut(Queue queue, void* to, const void* from, size_t size) override { Copy(queue, to, from, size); }

  void Copy(Queue queue, void* to, const void* from, size_t size) override {
    if (size == 0) return;
    Enqueue(queue, [=] { std::memcpy(to, from, size); });
  }

  void Zero(Queue queue, void* data, size_t size) override {
    if (size == 0) return;
    Enqueue(queue, [=] { std::memset(data, 0, size); });
  }

  void Accumulate(Queue queue, DType dtype, void* sum, const void* x, int64_t count) override {
    Enqueue(queue, [=] {
      std::vector<double> total = reference::LoadElements(dtype, sum, count);
      const std::vector<double> more = reference::LoadElements(dtype, x, count);
      for (size_t i = 0; i < total.size(); ++i) total[i] += more[i];
      reference::StoreElements(dtype, total, sum);
    });
  }

  void FlagNonFinite(Queue queue, DType dtype, const void* x, int64_t count, int32_t* flag) override {
    Enqueue(queue, [=] {
      for (const double value : reference::LoadElements(dtype, x, count)) {
        if (!std::isfinite(value)) *flag = 1;
      }
    });
  }

  absl::StatusOr<std::unique_ptr<Event>> CreateEvent(bool timed) override {
    return std::make_unique<ReferenceEvent>(this, timed);
  }

  void Record(Queue queue, Event& event) override {
    queues_.Record(queue, static_cast<ReferenceEvent&>(event).point());
  }

  void WaitFor(Queue queue, Event& event) override {
    queues_.WaitFor(queue, static_cast<ReferenceEvent&>(event).point());
  }

  absl::StatusOr<double> SecondsBetween(Event& begin, Event& end) override {
    const auto& first = static_cast<ReferenceEvent&>(begin);
    const auto& last = static_cast<ReferenceEvent&>(end);
    if (!first.timed() || !last.timed() || !begin.Done() || !end.Done()) {
      return absl::FailedPreconditionError("time is told between events that are timed and done");
    }
    return absl::ToDoubleSeconds(queues_.TimeOf(*last.point()) - queues_.TimeOf(*first.point()));
  }

  absl::Status Synchronize() override {
    queues_.RunAll();
    return Status();
  }

  absl::Status Status() override {
    MutexLock lock(&mutex_);
    return status_;
  }

  bool Fuses(const KernelSpec&) const override { return options_.fuses; }

  absl::StatusOr<std::unique_ptr<Kernel>> CreateKernel(const KernelSpec& spec) override {
    if (spec.compute != DType::kFloat32 && spec.compute != DType::kBFloat16 && spec.compute != DType::kFloat64) {
      return absl::UnimplementedError(absl::StrCat(description_.name, ": computes in float32, bfloat16 and float64; ",
                                                   ToAbsl(DTypeName(spec.compute)), " is asked for"));
    }
    return std::make_unique<reference::ReferenceKernel>(
        spec, options_,
        reference::KernelHost{
            .enqueue = [this](std::function<void()> work) { Enqueue(Queue::kCompute, std::move(work)); },
            .fail = [this](const std::string& message) { Fail(absl::InvalidArgumentError(message)); }});
  }

  absl::StatusOr<std::unique_ptr<Recording>> RecordWork(absl::FunctionRef<void()> enqueue) override {
    if (!options_.deferred) return absl::UnimplementedError("the reference device records only where it is deferred");
    queues_.StartRecording();
    enqueue();
    auto recording = std::make_unique<ReferenceRecording>();
    recording->tasks = queues_.StopRecording();
    return recording;
  }

  void Replay(Recording& recording) override { queues_.Replay(static_cast<ReferenceRecording&>(recording).tasks); }

  WorkQueues& queues() { return queues_; }

 private:
  // After the first error nothing runs any more.
  void Enqueue(Queue queue, std::function<void()> work) {
    queues_.Enqueue(queue, [this, work = std::move(work)] {
      if (Status().ok()) work();
    });
  }

  void Fail(absl::Status status) {
    MutexLock lock(&mutex_);
    if (status_.ok()) status_ = std::move(status);
  }

  const ReferenceDeviceOptions options_;
  DeviceDescription description_;
  size_t in_use_ = 0;
  Mutex mutex_;
  absl::Status status_ DP_GUARDED_BY(mutex_);
  WorkQueues queues_;
};

absl::Status ReferenceEvent::Wait() {
  device_->queues().RunUntil(point_);
  return device_->Status();
}

bool ReferenceEvent::Done() { return device_->queues().Reached(*point_); }

}  // namespace

std::unique_ptr<Device> MakeReferenceDevice(const ReferenceDeviceOptions& options) {
  return std::make_unique<ReferenceDevice>(options);
}

}  // namespace downpour
