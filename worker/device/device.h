// The seam between training and hardware: memory, copies, order of execution, events, kernels of layers. Everything
// above it (worker/models/program.h, the training loop) is written once for all devices.
//
// Work is enqueued: a call that says "enqueues" returns at once or after the work is done, as the device likes, and
// what it enqueued runs later or has run. Within a queue work runs in the order of the calls; queues run side by side,
// and wait for one another by events. Memory named in such a call stays alive and is left alone until the work has run.
//
// Errors stick: enqueueing returns nothing. The first failure of any work is kept, everything after it may be skipped,
// and every wait and Status() return it from then on. A device in that state is good for nothing but being destroyed.
//
// Threads: a device and all that it made belong to one thread at a time. The exceptions are Event::Wait, Event::Done
// and the memory of buffers, for which any thread may be in those calls while another enqueues. Different devices are
// independent of each other.
#ifndef DOWNPOUR_WORKER_DEVICE_DEVICE_H_
#define DOWNPOUR_WORKER_DEVICE_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/tensor/dtype.h"
#include "worker/device/kernel.h"
#include "worker/layers/layer.h"

namespace downpour {

// What people and schedulers want to know of a device. Peaks are those of one device (of a lane: one core) and 0 where
// nobody knows.
struct DeviceDescription {
  std::string name;      // as it was asked for: "cpu:0", "cuda:1"
  std::string hardware;  // "AMD EPYC 9R14, AVX-512", "NVIDIA H200"
  int64_t memory_bytes = 0;
  double peak_flops_float32 = 0;
  double peak_flops_bfloat16 = 0;
  double peak_bytes_per_second = 0;

  // Pointers of device memory may be read and written by the host as they are, whenever no enqueued work uses them: no
  // copies are needed.
  bool memory_is_host_memory = false;
  // Enqueued work has run when the call returns: nothing overlaps, and events are always done.
  bool runs_inline = false;
  // RecordWork and Replay work.
  bool can_record = false;
};

enum class Queue : uint8_t {
  kCompute,
  kCopyIn,   // host to device
  kCopyOut,  // device to host
};
inline constexpr size_t kQueueCount = 3;

// Where freed memory goes; implemented by devices.
class MemoryOwner {
 public:
  virtual ~MemoryOwner() = default;
  virtual void Free(void* data, size_t size) = 0;
};

// Memory of a device, or staging memory of the host; freed at the end of the buffer's life, which must come before the
// device's, and after the work that uses it. Aligned to 256 bytes. Moved, never copied.
class Buffer {
 public:
  Buffer() = default;
  Buffer(void* data, size_t size, MemoryOwner* owner) : data_(data), size_(size), owner_(owner) {}
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), owner_(other.owner_) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(owner_, other.owner_);
    return *this;
  }
  ~Buffer() {
    if (data_ != nullptr) owner_->Free(data_, size_);
  }

  // An address of the device, which the host may follow only where DeviceDescription::memory_is_host_memory; of staging
  // memory always. Null for 0 bytes.
  void* data() const { return data_; }
  size_t size() const { return size_; }  // bytes

  template <typename T>
  T* As() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
  MemoryOwner* owner_ = nullptr;
};

inline constexpr size_t kBufferAlignment = 256;

// A point in a queue's work. Recorded again, it stands for the new point. Destroyed only when no queue waits for it.
class Event {
 public:
  virtual ~Event() = default;

  // Blocks until the work before the point has run; at once if the event was never recorded. Returns the device's
  // error, if there is one. Any thread.
  virtual absl::Status Wait() = 0;

  // Whether Wait would return at once. Any thread.
  virtual bool Done() = 0;
};

// Work that was recorded once and can be replayed with next to no work by the host.
class Recording {
 public:
  virtual ~Recording() = default;
};

class Device {
 public:
  virtual ~Device() = default;

  virtual const DeviceDescription& description() const = 0;

  // ---- Memory.

  // `what` is what it is for, as the error says it: RESOURCE_EXHAUSTED with the sizes asked for, in use and free, and
  // what to make smaller. The contents are arbitrary.
  virtual absl::StatusOr<Buffer> Allocate(size_t size, std::string_view what) = 0;

  // Memory of the host from and to which copies are fastest and run beside everything else (pinned, where that
  // matters).
  virtual absl::StatusOr<Buffer> AllocateStaging(size_t size, std::string_view what) = 0;

  // ---- Work on memory. Each enqueues.

  // From any memory of the host; from memory that is not staging memory the call may block until the copy is done.
  virtual void CopyIn(Queue queue, void* to, const void* from_host, size_t size) = 0;
  virtual void CopyOut(Queue queue, void* to_host, const void* from, size_t size) = 0;
  virtual void Copy(Queue queue, void* to, const void* from, size_t size) = 0;
  virtual void Zero(Queue queue, void* data, size_t size) = 0;

  // sum[i] += x[i]. float32, bfloat16, or any type that programs on this device compute in.
  virtual void Accumulate(Queue queue, DType dtype, void* sum, const void* x, int64_t count) = 0;

  // Sets *flag to 1 if any x[i] is infinite or NaN, and leaves it alone otherwise.
  virtual void FlagNonFinite(Queue queue, DType dtype, const void* x, int64_t count, int32_t* flag) = 0;

  // ---- Order.

  // A timed event costs a little more; SecondsBetween takes two of them.
  virtual absl::StatusOr<std::unique_ptr<Event>> CreateEvent(bool timed = false) = 0;

  // Makes `event` stand for the work enqueued in `queue` so far.
  virtual void Record(Queue queue, Event& event) = 0;

  // What is enqueued in `queue` from now on runs after the point that `event` stands for now. Never blocks the host.
  virtual void WaitFor(Queue queue, Event& event) = 0;

  // From one timed event's point to another's; both are done.
  virtual absl::StatusOr<double> SecondsBetween(Event& begin, Event& end) = 0;

  // Blocks until all work has run; the device's error, if there is one.
  virtual absl::Status Synchronize() = 0;

  // The device's error so far, without waiting.
  virtual absl::Status Status() = 0;

  // ---- Kernels.

  // Whether CreateKernel makes one kernel of a chain of layers, each of which takes the output of the one before as its
  // input 0, and nobody else does. Asked by the fusing pass (worker/models/fusion.h) for chains of two and more.
  virtual bool Fuses(const KernelSpec& spec) const = 0;

  // A kernel for one layer or for a chain that it fuses. UNIMPLEMENTED, naming the layer and what the device lacks,
  // where there is none. Makes its choices and whatever is slow now, not in the first step.
  virtual absl::StatusOr<std::unique_ptr<Kernel>> CreateKernel(const KernelSpec& spec) = 0;

  // ---- Recording.

  // Calls `enqueue`, records what it enqueues (in kCompute, and in other queues between waiting for an event of the
  // recording and being waited for by it) instead of running it, and gives it back. Nothing may be waited for by the
  // host meanwhile. UNIMPLEMENTED where the device does not record, other errors where this work cannot be: then
  // enqueue it each time.
  virtual absl::StatusOr<std::unique_ptr<Recording>> RecordWork(absl::FunctionRef<void()> enqueue) = 0;

  // Enqueues recorded work in kCompute. Events that were recorded in it stand for this run of it.
  virtual void Replay(Recording& recording) = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_DEVICE_H_
