#include "kernels/update_bench_cases.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "absl/types/span.h"
#include "kernels/slices.h"
#include "kernels/stream_loop.h"
#include "kernels/update.h"

namespace downpour {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kSliceBytes = (size_t{1} << 20) - 3;  // odd: elements straddle every edge

struct Free {
  void operator()(std::byte* memory) const { ::operator delete (memory, std::align_val_t{kHugePage}); }
};
using HugeBytes = std::unique_ptr<std::byte, Free>;

// Memory on huge pages where the system has them.
HugeBytes AllocateHuge(size_t bytes) {
  const size_t rounded = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  HugeBytes memory(static_cast<std::byte*>(::operator new (rounded, std::align_val_t{kHugePage})));
  madvise(memory.get(), rounded, MADV_HUGEPAGE);  // a wish: without it the figures are lower
  return memory;
}

class HugeFloats {
 public:
  HugeFloats(size_t count, float value) : bytes_(AllocateHuge(count * sizeof(float))) {
    std::fill_n(data(), count, value);
  }
  float* data() { return reinterpret_cast<float*>(bytes_.get()); }

 private:
  HugeBytes bytes_;
};

// A gradient as it is received: slices that begin at any byte, apart from each other.
class ReceivedGradient {
 public:
  explicit ReceivedGradient(absl::Span<const std::byte> gradient)
      : memory_(AllocateHuge((gradient.size() / kSliceBytes + 1) * kStride)) {
    std::byte* place = memory_.get();
    for (size_t begin = 0; begin < gradient.size(); begin += kSliceBytes, place += kStride) {
      const absl::Span<const std::byte> piece = gradient.subspan(begin, kSliceBytes);
      std::byte* const start = place + begin % 61;
      std::memcpy(start, piece.data(), piece.size());
      slices_.emplace_back(start, piece.size());
    }
  }

  Slices slices() const { return slices_; }

 private:
  static constexpr size_t kStride = (size_t{1} << 20) + 128;
  HugeBytes memory_;
  std::vector<absl::Span<const std::byte>> slices_;
};

struct Optimizer {
  std::string name;
  UpdateRule rule;
  UpdateScalars scalars;
};

std::vector<Optimizer> Optimizers() {
  UpdateScalars s;
  s.rate = 1e-6f;  // the weights stay where they are for as long as anybody measures
  s.gradient_scale = 0.5f;
  s.momentum = 0.9f;
  s.beta1 = 0.9;
  s.beta2 = 0.999;
  s.epsilon = 1e-8f;
  s.beta = 1;
  UpdateScalars adamw = s;
  adamw.decay_factor = 0.9999999f;
  UpdateScalars rmsprop = s;
  rmsprop.momentum = 0;
  UpdateScalars ftrl = s;
  ftrl.rate = 0.1f;
  return {{"sgd", UpdateRule::kSgd, s},
          {"momentum", UpdateRule::kMomentum, s},
          {"nesterov", UpdateRule::kNesterov, s},
          {"adagrad", UpdateRule::kAdagrad, s},
          {"rmsprop", UpdateRule::kRmsProp, rmsprop},
          {"adam", UpdateRule::kAdam, s},
          {"adamw", UpdateRule::kAdam, adamw},
          {"ftrl", UpdateRule::kFtrl, ftrl}};
}

class UpdateBench {
 public:
  UpdateBench(const Kernels& kernels, const UpdateBenchOptions& options)
      : kernels_(kernels),
        options_(options),
        gradient_(options.elements, 0.125f),
        weight_(options.elements, 1),
        first_(options.elements, 0.5f),
        second_(options.elements, 0.5f),
        received_(GradientBytes()) {}

  std::vector<BenchLine> Run() {
    for (const Optimizer& optimizer : Optimizers()) MeasureUpdate(optimizer);
    for (const Optimizer& optimizer : Optimizers()) {
      if (optimizer.name == "sgd" || optimizer.name == "adam") MeasureSlices(optimizer);
    }
    MeasureAllFinite();
    return std::move(lines_);
  }

 private:
  absl::Span<const std::byte> GradientBytes() {
    return {reinterpret_cast<const std::byte*>(gradient_.data()), options_.elements * sizeof(float)};
  }

  UpdateArrays Arrays() {
    UpdateArrays a;
    a.gradient = GradientBytes().data();
    a.weight_in = a.weight_out = weight_.data();
    a.slot_in = {first_.data(), second_.data()};
    a.slot_out = {first_.data(), second_.data()};
    a.count = options_.elements;
    return a;
  }

  template <typename Visitor>
  void ForEachBlock(Visitor visit) {
    const UpdateArrays all = Arrays();
    for (size_t begin = 0; begin < all.count; begin += kBenchBlockElements) {
      visit(Part(all, begin, std::min(kBenchBlockElements, all.count - begin)));
    }
  }

  void UpdateContiguous(const Optimizer& o) {
    ForEachBlock([&](const UpdateArrays& block) { kernels_.Update(o.rule, o.scalars, block); });
  }

  void UpdateReceived(const Optimizer& o) {
    SliceCursor cursor(received_.slices(), DType::kFloat32);
    LambNorms norms;
    ForEachBlock(
        [&](const UpdateArrays& block) { UpdateFromSlices(kernels_, o.rule, o.scalars, block, &cursor, &norms); });
  }

  void MeasureUpdate(const Optimizer& o) {
    const int slots = SlotCount(o.rule, o.scalars);
    float* const streams[] = {weight_.data(), first_.data(), second_.data()};
    const absl::Span<float* const> updated(streams, 1 + slots);
    const std::string loop = "read_write_loop/" + std::to_string(slots + 2) + "r" + std::to_string(slots + 1) + "w";
    Measure(
        "update/" + o.name, loop, [&] { StreamLoop(gradient_.data(), updated, 0.0f, options_.elements); },
        [&] { UpdateContiguous(o); });
  }

  void MeasureSlices(const Optimizer& o) {
    Measure(
        "update_slices/" + o.name, "contiguous", [&] { UpdateContiguous(o); }, [&] { UpdateReceived(o); });
  }

  void MeasureAllFinite() {
    Measure(
        "all_finite", "read_loop", [&] { sink_ = ReadLoop(gradient_.data(), options_.elements); },
        [&] { sink_ = kernels_.AllFinite(GradientBytes().data(), DType::kFloat32, options_.elements); });
  }

  void Measure(const std::string& name, const std::string& reference, std::function<void()> limit,
               std::function<void()> run) {
    const std::vector<Timing> timings =
        RunInterleaved({{reference, std::move(limit)}, {name, std::move(run)}}, options_.rounds, ThreadSeconds);
    const double giga_elements = 1e-9 * static_cast<double>(options_.elements);
    BenchLine line;
    line.bench = "store";
    line.case_name = name + "/" + std::to_string(options_.elements);
    line.metric = "throughput";
    line.value = giga_elements / timings[1].seconds;
    line.unit = "Gelements/s";
    line.reference = reference;
    line.reference_value = giga_elements / timings[0].seconds;
    line.ratio = timings[1].ratio;
    line.rounds = options_.rounds;
    if (options_.on_line) options_.on_line(line);
    lines_.push_back(std::move(line));
  }

  const Kernels& kernels_;
  const UpdateBenchOptions& options_;
  HugeFloats gradient_;
  HugeFloats weight_;
  HugeFloats first_;
  HugeFloats second_;
  ReceivedGradient received_;
  std::vector<BenchLine> lines_;
  volatile float sink_ = 0;  // what the compiler must not drop
};

}  // namespace

std::vector<BenchLine> RunUpdateBench(const Kernels& kernels, const UpdateBenchOptions& options) {
  return UpdateBench(kernels, options).Run();
}

}  // namespace downpour
