#include "tests/train/run_fixture.h"

#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/substitute.h"
#include "cli/train/embedded_cluster.h"
#include "common/base/philox.h"
#include "gtest/gtest.h"
#include "worker/train/job_data.h"
#include "worker/train/job_request.h"
#include "worker/train/worker_run.h"

namespace downpour::testing {
namespace {

constexpr char kJob[] = R"(
model {
  name: "small"
  input { name: "images" shape: [8, 8, 1] }
  input { name: "labels" dtype: INT32 }
  layer { name: "conv" input: "images" conv2d { filters: 8 kernel: 3 padding: SAME } }
  $0
  layer { name: "relu" relu {} }
  layer { name: "flat" flatten {} }
  layer { name: "logits" dense { units: 4 } }
  layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy {} }
}
data {
  idx { train_images: "train-images" train_labels: "train-labels" test_images: "test-images" test_labels: "test-labels" classes: 4 }
  slice_batches: 4
}
batch: 32
)";

void AppendBigEndian(uint32_t value, std::string* bytes) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes->push_back(static_cast<char>(value >> shift));
}

// Noise, and one quarter of each image brighter than the rest: which one is its label.
void WriteQuarters(const std::string& folder, const std::string& split, uint32_t count, uint64_t seed) {
  std::string images;
  std::string labels;
  for (const uint32_t number : {0x803u, count, 8u, 8u}) AppendBigEndian(number, &images);
  for (const uint32_t number : {0x801u, count}) AppendBigEndian(number, &labels);
  PhiloxStream random(seed, 0);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t label = random() % 4;
    labels.push_back(static_cast<char>(label));
    for (uint32_t pixel = 0; pixel < 64; ++pixel) {
      const bool bright = (pixel / 32) * 2 + (pixel % 8) / 4 == label;
      images.push_back(static_cast<char>(random() % 160 + (bright ? 60 : 0)));
    }
  }
  std::ofstream(folder + "/" + split + "-images", std::ios::binary) << images;
  std::ofstream(folder + "/" + split + "-labels", std::ios::binary) << labels;
}

}  // namespace

absl::StatusOr<LoadedJob> SmallJob(const std::string& more, const std::string& layers,
                                   const std::vector<std::string>& overrides) {
  const std::string folder = ::testing::TempDir() + "/small_job";
  std::filesystem::create_directories(folder);
  WriteQuarters(folder, "train", 1000, 1);
  WriteQuarters(folder, "test", 300, 2);
  const std::string file = folder + "/job.textproto";
  std::ofstream(file) << absl::Substitute(kJob, layers) << more << "\n";
  return LoadJob(file, overrides);
}

RunResult RunJob(const LoadedJob& job, const RunSetup& setup) {
  RunResult result;
  absl::StatusOr<JobData> data = OpenJobData(job, "");
  EXPECT_TRUE(data.ok()) << data.status();
  if (!data.ok()) return result;
  const auto cluster = EmbeddedCluster::Start({.servers = setup.servers, .carrier = setup.carrier});
  EXPECT_TRUE(cluster.ok()) << cluster.status();
  if (!cluster.ok()) return result;
  const absl::StatusOr<wire::CreateJobRequest> request = MakeJobRequest(job, *data, (*cluster)->servers());
  EXPECT_TRUE(request.ok()) << request.status();
  for (const ServerId server : (*cluster)->servers()) {
    const auto created = (*cluster)->host(server).CreateJob(*request, absl::InfiniteDuration());
    if (created.ok()) continue;
    result.refused = std::string(created.status().message());
    return result;
  }
  const std::atomic<bool> never{false};
  WorkerRunOptions run;
  run.job = &job;
  run.data = &*data;
  if (setup.observer != nullptr) run.observers.push_back(setup.observer);
  run.stop = setup.stop != nullptr ? setup.stop : &never;
  run.devices = setup.devices;
  run.carrier_is_inline = (*cluster)->carrier_is_inline();
  run.carrier = setup.carrier;
  run.servers = setup.servers;
  run.histograms = setup.observer != nullptr;
  run.join = [&](uint32_t worker, const LoadDescriber&) {
    return PsClient::Join(MakeClientOptions(job, *request, worker), (*cluster)->Carriers());
  };
  result.end = RunWorker(run);

  const ShardMap map = ShardMap::FromProto(request->shard_map()).value();
  for (const Graph::Parameter& parameter : job.graph->parameters()) {
    const ShardMap::Range range = map.ShardsOfTable(*map.FindTable(parameter.spec->name));
    std::vector<float>& weights = result.weights.emplace_back();
    for (ShardId id = range.begin; id < range.end; ++id) {
      const Weights read = (*cluster)->host(map.shards()[id].server).job()->shard(id)->Read(/*average=*/false).value();
      for (size_t block = 0; block < read.values.blocks.size(); ++block) {
        weights.insert(weights.end(), read.values.block(block).begin(), read.values.block(block).end());
      }
    }
  }
  return result;
}

RunResult RunSmallJob(const std::string& more, const RunSetup& setup) {
  const absl::StatusOr<LoadedJob> job = SmallJob(more, setup.layers, setup.overrides);
  EXPECT_TRUE(job.ok()) << job.status();
  return job.ok() ? RunJob(*job, setup) : RunResult();
}

}  // namespace downpour::testing
