#include "worker/device/cpu/onednn.h"

#include "common/base/status.h"

// Of libgomp, under which oneDNN is built; declared here since <omp.h> is that of the compiler at hand.
extern "C" {
int omp_get_max_threads(void);
void omp_set_num_threads(int);
}

namespace downpour::onednn {
namespace {

absl::Status CheckStatus(dnnl_status_t status, const std::string& implementation) {
  if (status == dnnl_success) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("oneDNN's ", implementation, " failed with status ", static_cast<int>(status)));
}

bool Has(dnnl::cpu_isa wanted) {
  const auto bits = static_cast<unsigned>(wanted);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & bits) == bits;
}

}  // namespace

OneThread::OneThread() : before_(omp_get_max_threads()) {
  if (before_ != 1) omp_set_num_threads(1);
}

OneThread::~OneThread() {
  if (before_ != 1) omp_set_num_threads(before_);
}

void LimitInstructionSet(std::string_view level) {
  if (level == "avx512") return;  // or what DNNL_MAX_CPU_ISA says
  dnnl::set_max_cpu_isa(level == "avx2" ? dnnl::cpu_isa::avx2 : dnnl::cpu_isa::sse41);
}

bool HasAvx512() { return Has(dnnl::cpu_isa::avx512_core); }
bool HasBFloat16() { return Has(dnnl::cpu_isa::avx512_core_bf16); }

const dnnl::engine& Engine() {
  static const auto* const engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

Operation::Operation(const dnnl::primitive& primitive, std::vector<Argument> arguments,
                     const dnnl::memory::desc& scratchpad, std::string implementation)
    : primitive_(primitive), scratchpad_bytes_(scratchpad.get_size()), implementation_(std::move(implementation)) {
  arguments.push_back({DNNL_ARG_SCRATCHPAD, scratchpad});
  for (const Argument& argument : arguments) {
    memories_.push_back({.memory = dnnl::memory(argument.desc, Engine(), DNNL_MEMORY_NONE)});
    arguments_.push_back({argument.index, memories_.back().memory.get()});
  }
}

absl::Status Operation::Run(Stream& stream, std::initializer_list<const void*> addresses, void* scratchpad) {
  const OneThread one_thread;
  size_t i = 0;
  const auto set = [&](const void* address) {
    Slot& slot = memories_[i++];
    if (slot.address == address) return dnnl_success;
    slot.address = address;
    return dnnl_memory_set_data_handle(slot.memory.get(), const_cast<void*>(address));
  };
  for (const void* address : addresses) DP_RETURN_IF_ERROR(CheckStatus(set(address), implementation_));
  DP_RETURN_IF_ERROR(CheckStatus(set(scratchpad), implementation_));
  return CheckStatus(
      dnnl_primitive_execute(primitive_.get(), stream.get(), static_cast<int>(arguments_.size()), arguments_.data()),
      implementation_);
}

Operation Reorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to) {
  const dnnl::reorder::primitive_desc desc(Engine(), from, Engine(), to, UserScratchpad());
  return Operation(desc, dnnl::reorder(desc), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
}

dnnl::primitive_attr UserScratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

}  // namespace downpour::onednn
