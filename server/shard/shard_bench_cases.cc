#include "server/shard/shard_bench_cases.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/types/span.h"
#include "common/tensor/shape.h"
#include "kernels/kernels.h"
#include "kernels/slices.h"
#include "kernels/stream_loop.h"
#include "proto/initializer.pb.h"
#include "proto/optimizer.pb.h"
#include "proto/policy.pb.h"
#include "server/consistency/policy_factory.h"
#include "server/shard/shard.h"
#include "server/store/dense_shard.h"

namespace downpour {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kSliceBytes = (size_t{1} << 20) - 3;  // odd: elements straddle every edge
// What each thread pushes or copies in a round of the cases with two of them.
constexpr size_t kBytesPerRound = size_t{256} << 20;
constexpr size_t kRepeatsMax = 512;

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

// Zeros, on huge pages where the system has them.
class Bytes {
 public:
  explicit Bytes(size_t size) : size_((size + kHugePage - 1) / kHugePage * kHugePage) {
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(kHugePage, size_)));
    madvise(memory_.get(), size_, MADV_HUGEPAGE);  // a wish
    std::memset(memory_.get(), 0, size_);
  }
  std::byte* data() { return memory_.get(); }
  size_t size() const { return size_; }

 private:
  size_t size_;
  std::unique_ptr<std::byte, Free> memory_;
};

// Slices as they are received, but for their lying side by side.
std::vector<absl::Span<const std::byte>> Cut(absl::Span<const std::byte> bytes) {
  std::vector<absl::Span<const std::byte>> slices;
  for (size_t begin = 0; begin < bytes.size(); begin += kSliceBytes)
    slices.push_back(bytes.subspan(begin, kSliceBytes));
  return slices;
}

// A table of async shards under SGD, and one worker that pushes to it.
class BenchTable {
 public:
  BenchTable(const ShardBenchOptions& options, BlockPool* pool) : elements_(options.elements) {
    OptimizerConfig config;
    config.mutable_sgd()->set_learning_rate(1e-3);
    const std::shared_ptr<const Optimizer> optimizer = *Optimizer::Create(config);
    const Initializer zeros = *Initializer::Create(InitializerConfig(), Shape(elements_), 1, "bench");
    for (size_t i = 0; i < options.shards; ++i) {
      shards_.push_back(std::make_unique<Shard>(ShardOptions{.name = "bench"},
                                                *DenseShard::Create({.element_count = elements_}, zeros, pool),
                                                optimizer, *MakePolicy(PolicyConfig()), pool));
      (void)shards_.back()->Join(1, 1, 0);
    }
    for (size_t i = 0; i < options.shards; ++i) gradients_.emplace_back(elements_ * sizeof(float));
  }

  void Push(bool sliced) {
    ++sequence_;
    for (size_t i = 0; i < shards_.size(); ++i) {
      const absl::Span<const std::byte> bytes(gradients_[i].data(), elements_ * sizeof(float));
      PushRequest push;
      push.epoch = push.worker = push.incarnation = 1;
      push.sequence = push.clock = sequence_;
      push.version_pulled = sequence_ - 1;
      push.element_count = elements_;
      if (sliced) {
        push.slices = Cut(bytes);
      } else {
        push.slices = {bytes};
      }
      failed_ = failed_ || shards_[i]->Push(std::move(push)).outcome.fate != PushFate::kApplied;
    }
  }

  std::vector<PullOutcome> Pull() {
    std::vector<PullOutcome> pulls;
    pulls.reserve(shards_.size());
    for (const std::unique_ptr<Shard>& shard : shards_) {
      pulls.push_back(shard->Pull({.epoch = 1, .worker = 1, .incarnation = 1}));
      failed_ = failed_ || pulls.back().fate != PullFate::kAnswered;
    }
    return pulls;
  }

  // The passes over memory that a push cannot do without.
  void BarePush(Bytes* weights) {
    float* const w = reinterpret_cast<float*>(weights->data());
    for (size_t i = 0; i < shards_.size(); ++i) {
      const std::byte* const g = gradients_[i].data();
      failed_ = failed_ || !BestKernels().AllFinite(g, DType::kFloat32, elements_);
      float* const updated[] = {w + i * AlignedElements()};
      StreamLoop(reinterpret_cast<const float*>(g), updated, 0.0f, elements_);
    }
  }

  size_t bytes() const { return shards_.size() * elements_ * sizeof(float); }

  // With every shard's part aligned as a block is: what BarePush wants.
  size_t aligned_bytes() const { return shards_.size() * AlignedElements() * sizeof(float); }
  bool failed() const { return failed_; }

 private:
  size_t AlignedElements() const { return (elements_ + 15) / 16 * 16; }

  const size_t elements_;
  std::vector<Bytes> gradients_;
  std::vector<std::unique_ptr<Shard>> shards_;
  uint64_t sequence_ = 0;
  bool failed_ = false;
};

class ShardBench {
 public:
  explicit ShardBench(const ShardBenchOptions& options)
      : options_(options), first_(options, &pool_), second_(options, &pool_), spare_(first_.aligned_bytes()) {}

  std::vector<BenchLine> Run() {
    MeasurePull();
    Measure(
        "push", 1, "check_and_read_write_loop", [&] { first_.BarePush(&spare_); }, [&] { first_.Push(false); },
        ThreadSeconds);
    Measure(
        "push_slices", 1, "contiguous", [&] { first_.Push(false); }, [&] { first_.Push(true); }, ThreadSeconds);
    MeasurePushWhileRead();
    MeasureTwo(
        "push", [&] { first_.Push(false); }, [&] { second_.Push(false); });
    Bytes other(spare_.size());
    const size_t half = spare_.size() / 2;
    MeasureTwo(
        "copy", [&] { std::memcpy(spare_.data(), spare_.data() + half, half); },
        [&] { std::memcpy(other.data(), other.data() + half, half); });
    return first_.failed() || second_.failed() ? std::vector<BenchLine>() : lines_;
  }

 private:
  std::string CaseName(const std::string& name, int clients) const {
    const size_t kibi_bytes = first_.bytes() >> 10;
    const std::string size =
        kibi_bytes >= 1024 ? std::to_string(kibi_bytes >> 10) + "MiB" : std::to_string(kibi_bytes) + "KiB";
    return name + "/memory/" + size + "/" + std::to_string(clients);
  }

  void Report(BenchLine line) {
    if (options_.on_line) options_.on_line(line);
    lines_.push_back(std::move(line));
  }

  void MeasurePull() {
    Bytes copy(first_.bytes());
    std::vector<PullOutcome> pulls;
    const std::vector<Timing> timings =
        RunInterleaved({{"copy", [&] { std::memcpy(copy.data(), spare_.data(), first_.bytes()); }},
                        {"pull", [&] { pulls = first_.Pull(); }}},
                       options_.rounds, ThreadSeconds);
    Report({.bench = "store",
            .case_name = CaseName("pull", 1),
            .metric = "latency",
            .value = timings[1].seconds * 1e6,
            .unit = "us",
            .reference = "copy",
            .reference_value = timings[0].seconds * 1e6,
            .ratio = timings[1].ratio,
            .rounds = options_.rounds});
  }

  void Measure(const std::string& name, int clients, const std::string& reference, std::function<void()> limit,
               std::function<void()> run, const SecondsFunction& now, size_t repeats = 1) {
    const std::vector<Timing> timings =
        RunInterleaved({{reference, std::move(limit)}, {name, std::move(run)}}, options_.rounds, now);
    const double giga_bytes = 1e-9 * static_cast<double>(first_.bytes() * repeats);
    Report({.bench = "store",
            .case_name = CaseName(name, clients),
            .metric = "throughput",
            .value = giga_bytes * clients / timings[1].seconds,
            .unit = "GB/s",
            .reference = reference,
            .reference_value = giga_bytes / timings[0].seconds,
            .ratio = timings[1].ratio * clients,
            .rounds = options_.rounds});
  }

  void MeasurePushWhileRead() {
    // The reader takes its references between pushes; that is microseconds.
    std::vector<PullOutcome> reader;
    Measure(
        "push_read", 1, "in_place",
        [&] {
          reader.clear();
          first_.Push(false);
        },
        [&] {
          reader = first_.Pull();
          first_.Push(false);
        },
        ThreadSeconds);
  }

  // Twice the work on two threads, beside once on one; often enough that starting a thread does not count.
  void MeasureTwo(const std::string& name, const std::function<void()>& one, const std::function<void()>& other) {
    const size_t repeats = std::clamp<size_t>(kBytesPerRound / first_.bytes(), 1, kRepeatsMax);
    const auto repeat = [repeats](const std::function<void()>& work) {
      for (size_t i = 0; i < repeats; ++i) work();
    };
    Measure(
        name, 2, "one_thread", [&] { repeat(one); },
        [&] {
          std::thread thread([&] { repeat(other); });
          repeat(one);
          thread.join();
        },
        SteadySeconds, repeats);
  }

  const ShardBenchOptions& options_;
  BlockPool pool_;
  BenchTable first_;
  BenchTable second_;
  Bytes spare_;
  std::vector<BenchLine> lines_;
};

}  // namespace

std::vector<BenchLine> RunShardBench(const ShardBenchOptions& options) { return ShardBench(options).Run(); }

}  // namespace downpour
