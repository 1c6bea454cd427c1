// oneDNN as a lane uses it: on the calling thread alone, without exceptions, without allocating in a step.
//
// Debian's oneDNN runs on OpenMP. Its thread count is a property of the calling thread: OneThread holds it at 1, and no
// team is ever started, neither when a primitive is made (which plans for that count) nor when it runs.
#ifndef DOWNPOUR_WORKER_DEVICE_CPU_ONEDNN_H_
#define DOWNPOUR_WORKER_DEVICE_CPU_ONEDNN_H_

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"
#include "dnnl.hpp"

namespace downpour::onednn {

// Holds the thread count of OpenMP in this thread at 1 while it lives.
class OneThread {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  const int before_;
};

// Keeps oneDNN to the instruction set of that name (those of kernels/kernels.h; what it does not know is the oldest).
// Works only before the first primitive of the process is made; later calls do nothing.
void LimitInstructionSet(std::string_view level);

// What the instruction set in use has: AVX-512, and with it fast arithmetic on bfloat16.
bool HasAvx512();
bool HasBFloat16();

// The CPU, as oneDNN sees it; shared by all threads.
const dnnl::engine& Engine();

// In what order a lane's primitives run: that of the calls. One thread at a time.
class Stream {
 public:
  Stream() : stream_(Engine()) {}
  dnnl_stream_t get() { return stream_.get(); }

 private:
  dnnl::stream stream_;
};

// `make` calls oneDNN, which throws where it cannot; `what` begins the error.
template <typename Make>
auto Try(std::string_view what, Make make) -> absl::StatusOr<decltype(make())> {
  const OneThread one_thread;
  try {
    return make();
  } catch (const dnnl::error& error) {
    return absl::UnimplementedError(
        absl::StrCat(ToAbsl(what), ": oneDNN: ", error.message, " (status ", static_cast<int>(error.status), ")"));
  }
}

// One primitive with its arguments, whose addresses are told at each run.
class Operation {
 public:
  struct Argument {
    int index;  // DNNL_ARG_...
    dnnl::memory::desc desc;
  };

  Operation() = default;
  Operation(Operation&&) = default;
  Operation& operator=(Operation&&) = default;

  // `desc` was made with scratchpad_mode::user. Throws, see Try.
  template <typename PrimitiveDesc>
  Operation(const PrimitiveDesc& desc, const dnnl::primitive& primitive, std::vector<Argument> arguments)
      : Operation(primitive, std::move(arguments), desc.scratchpad_desc(), desc.impl_info_str()) {}

  bool exists() const { return !memories_.empty(); }
  size_t scratchpad_bytes() const { return scratchpad_bytes_; }

  // As oneDNN names its implementation: "brgconv:avx512_core", or "ref..." for one that nobody should use.
  const std::string& implementation() const { return implementation_; }

  // One address for each argument, in their order; `scratchpad` has scratchpad_bytes and is aligned to 64.
  absl::Status Run(Stream& stream, std::initializer_list<const void*> addresses, void* scratchpad);

 private:
  Operation(const dnnl::primitive& primitive, std::vector<Argument> arguments, const dnnl::memory::desc& scratchpad,
            std::string implementation);

  struct Slot {
    dnnl::memory memory;
    const void* address = nullptr;
  };

  dnnl::primitive primitive_;
  std::vector<Slot> memories_;  // the arguments, then the scratchpad
  std::vector<dnnl_exec_arg_t> arguments_;
  size_t scratchpad_bytes_ = 0;
  std::string implementation_;
};

// Copies one layout into another. Throws, see Try.
Operation Reorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to);

// For primitives that run as an Operation.
dnnl::primitive_attr UserScratchpad();

}  // namespace downpour::onednn

#endif  // DOWNPOUR_WORKER_DEVICE_CPU_ONEDNN_H_
