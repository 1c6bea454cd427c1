#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/interleaved.h"
#include "kernels/nn/nn_kernels.h"
#include "kernels/nn/onednn_bench_peer.h"

ABSL_FLAG(bool, json, false, "Print one JSON object for each case instead of a table.");
ABSL_FLAG(int, batch, 128, "Images of a batch.");
ABSL_FLAG(int, rounds, 9, "Rounds, of which the median counts.");
ABSL_FLAG(std::string, only, "", "Run only the cases whose name contains this.");

namespace downpour::nn {
namespace {

// Aligned floats that are neither zero nor subnormal.
class Floats {
 public:
  explicit Floats(size_t count) : floats_(new (std::align_val_t{64}) float[count + 16]) {
    for (size_t i = 0; i < count; ++i) floats_.get()[i] = 0.01f * static_cast<float>(i % 201) - 1;
  }
  float* data() const { return floats_.get(); }

 private:
  struct Free {
    void operator()(float* floats) const { operator delete[](floats, std::align_val_t{64}); }
  };
  std::unique_ptr<float[], Free> floats_;
};

// Measures one case, beside the fastest of `peers`, and prints its line.
class Report {
 public:
  void Measure(const std::string& name, int batch, const std::vector<Contestant>& peers, std::function<void()> ours) {
    if (!absl::StrContains(name, absl::GetFlag(FLAGS_only))) return;
    const int rounds = absl::GetFlag(FLAGS_rounds);
    size_t best = 0;
    const std::vector<Timing> trial = RunInterleaved(peers, 3, ThreadSeconds);
    for (size_t i = 1; i < trial.size(); ++i) best = trial[i].seconds < trial[best].seconds ? i : best;
    const std::vector<Timing> timings =
        RunInterleaved({peers[best], {BestNnKernels().name, std::move(ours)}}, rounds, ThreadSeconds);
    const BenchLine line = {"nn",
                            absl::StrCat(name, "/batch", batch),
                            "throughput",
                            batch / timings[1].seconds,
                            "images/s",
                            peers[best].name,
                            batch / timings[0].seconds,
                            timings[1].ratio,
                            rounds};
    if (absl::GetFlag(FLAGS_json)) std::printf("%s\n", ToJson(line).c_str());
    lines_.push_back(line);
  }

  void PrintTable() const {
    if (!absl::GetFlag(FLAGS_json)) std::printf("kernels: %s\n%s", BestNnKernels().name, ToTable(lines_).c_str());
  }

 private:
  std::vector<BenchLine> lines_;
};

std::vector<Contestant> Peers(const std::vector<OneDnnPasses>& peers, std::function<void()> OneDnnPasses::*pass) {
  std::vector<Contestant> contestants;
  for (const OneDnnPasses& peer : peers) contestants.push_back({peer.name, peer.*pass});
  return contestants;
}

ConvShape Same(int batch, int size, int in, int out, int kernel) {
  const int pad = kernel / 2;
  return {batch, size, size, in, out, kernel, pad, pad, pad, pad};
}

// What the passes of a convolution read and write.
struct ConvTensors {
  ConvTensors(const ConvShape& s, const ConvolutionKernels& kernels)
      : x(s.batch * s.InImage()),
        y(s.batch * s.OutImage()),
        dx(s.batch * s.InImage()),
        weights(s.Weights()),
        dweights(s.Weights()),
        bias(s.out_channels),
        dbias(s.out_channels),
        forward(kernels.PreparedFloats(s)),
        backward(kernels.PreparedFloats(s)),
        workspace(std::max(kernels.ForwardWorkspaceFloats(s), kernels.BackwardWorkspaceFloats(s))) {
    kernels.PrepareForward(s, weights.data(), forward.data());
    kernels.PrepareBackward(s, weights.data(), backward.data());
  }

  Floats x, y, dx, weights, dweights, bias, dbias, forward, backward, workspace;
};

void MeasureConvolution(const std::string& name, const ConvShape& s, Report* report) {
  const ConvolutionKernels& kernels = BestNnKernels().convolution;
  const ConvTensors t(s, kernels);
  const std::vector<OneDnnPasses> peers = OneDnnConvolutions(s);
  report->Measure(name + "/forward", s.batch, Peers(peers, &OneDnnPasses::forward), [&] {
    kernels.Forward(s, {t.x.data(), t.forward.data(), t.bias.data(), false, t.y.data(), t.workspace.data()});
  });
  report->Measure(name + "/backward_data", s.batch, Peers(peers, &OneDnnPasses::backward_data), [&] {
    kernels.Backward(s, {nullptr, t.y.data(), t.backward.data(), t.dx.data(), nullptr, nullptr, t.workspace.data()});
  });
  report->Measure(name + "/backward_weights", s.batch, Peers(peers, &OneDnnPasses::backward_weights), [&] {
    kernels.Backward(s,
                     {t.x.data(), t.y.data(), nullptr, nullptr, t.dweights.data(), t.dbias.data(), t.workspace.data()});
  });
}

// Convolution, bias, relu, max pool and lrn, of which only what the backward pass needs reaches memory.
void MeasureFirstStage(const std::string& name, const ConvShape& s, const PoolShape& pool, const LrnParams& lrn,
                       Report* report) {
  const NnKernels& kernels = BestNnKernels();
  const ConvTensors t(s, kernels.convolution);
  const Floats pooled(pool.batch * pool.OutImage()), out(pool.batch * pool.OutImage());
  const Floats scratch(PoolingKernels::MaxLrnWorkspaceFloats(pool));
  std::vector<uint8_t> numbers(PoolingKernels::ArgmaxBytes(pool));
  const OneDnnPasses peer = OneDnnFirstStage(s, pool, lrn);
  const auto images = [&pool](size_t count) {
    PoolShape some = pool;
    some.batch = static_cast<int>(count);
    return some;
  };
  report->Measure(name + "/forward", s.batch, Peers({peer}, &OneDnnPasses::forward), [&] {
    kernels.convolution.Forward(s, {t.x.data(), t.forward.data(), t.bias.data(), true, nullptr, t.workspace.data()},
                                [&](size_t first, size_t count, const float* y) {
                                  const size_t at = first * pool.OutImage();
                                  kernels.pooling.MaxLrnForward(images(count), lrn, y, pooled.data() + at,
                                                                numbers.data() + at, out.data() + at);
                                });
  });
  report->Measure(name + "/backward", s.batch, Peers({peer}, &OneDnnPasses::backward_weights), [&] {
    kernels.convolution.Backward(
        s, {t.x.data(), nullptr, nullptr, nullptr, t.dweights.data(), t.dbias.data(), t.workspace.data()},
        [&](size_t first, size_t count, float* dy) {
          const size_t at = first * pool.OutImage();
          kernels.pooling.MaxLrnBackward(images(count), lrn, pooled.data() + at, numbers.data() + at, out.data() + at,
                                         true, dy, scratch.data());
        });
  });
}

void MeasureLrnMax(const std::string& name, const PoolShape& pool, const LrnParams& lrn, Report* report) {
  const PoolingKernels& kernels = BestNnKernels().pooling;
  const Floats x(pool.batch * pool.InImage()), dx(pool.batch * pool.InImage()), y(pool.batch * pool.OutImage());
  const Floats scratch(PoolingKernels::LrnMaxWorkspaceFloats(pool));
  std::vector<uint8_t> numbers(PoolingKernels::ArgmaxBytes(pool));
  const OneDnnPasses peer = OneDnnLrnMax(pool, lrn);
  report->Measure(name + "/forward", pool.batch, Peers({peer}, &OneDnnPasses::forward),
                  [&] { kernels.LrnMaxForward(pool, lrn, x.data(), y.data(), numbers.data(), scratch.data()); });
  report->Measure(name + "/backward", pool.batch, Peers({peer}, &OneDnnPasses::backward_data),
                  [&] { kernels.LrnMaxBackward(pool, lrn, x.data(), numbers.data(), y.data(), true, dx.data()); });
}

void MeasureAll(Report* report) {
  const int batch = absl::GetFlag(FLAGS_batch);
  const LrnParams lrn = {4, 1, 0.001f / 9, 0.75f};
  const auto pool = [batch](int size, int channels) {
    return PoolShape{batch, size, size, channels, WindowAxis::Same(size, 3, 2), WindowAxis::Same(size, 3, 2)};
  };
  const std::pair<const char*, ConvShape> convolutions[] = {
      {"conv/cifar10_conv1/24x24x3-64/5x5", Same(batch, 24, 3, 64, 5)},
      {"conv/cifar10_conv2/12x12x64-64/5x5", Same(batch, 12, 64, 64, 5)},
      {"conv/resnet20_1/32x32x16-16/3x3", Same(batch, 32, 16, 16, 3)},
      {"conv/resnet20_2/16x16x32-32/3x3", Same(batch, 16, 32, 32, 3)},
      {"conv/resnet20_3/8x8x64-64/3x3", Same(batch, 8, 64, 64, 3)},
      {"conv/lenet_conv1/28x28x1-6/5x5", Same(batch, 28, 1, 6, 5)},
      {"conv/lenet_conv2/14x14x6-16/5x5", {batch, 14, 14, 6, 16, 5}}};
  for (const auto& [name, shape] : convolutions) {
    MeasureConvolution(name, shape, report);
  }
  MeasureFirstStage("conv_relu_max_lrn/cifar10_conv1", Same(batch, 24, 3, 64, 5), pool(24, 64), lrn, report);
  MeasureLrnMax("lrn_max/cifar10", pool(12, 64), lrn, report);
}

}  // namespace
}  // namespace downpour::nn

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Measures the kernels of neural networks beside oneDNN, on one thread. DOWNPOUR_SIMD=avx512|avx2|sse4|scalar "
      "chooses the kernels.");
  absl::ParseCommandLine(argc, argv);
  if (absl::GetFlag(FLAGS_batch) < 1 || absl::GetFlag(FLAGS_rounds) < 1) {
    std::fprintf(stderr, "--batch and --rounds must be at least 1\n");
    return 2;
  }
  downpour::nn::UseOneThreadInOneDnn();
  downpour::nn::Report report;
  downpour::nn::MeasureAll(&report);
  report.PrintTable();
  return 0;
}
