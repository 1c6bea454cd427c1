// The benchmark's own parts, with processes of this program.
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cli/transport/bench_process.h"
#include "cli/transport/raw_tcp.h"
#include "cli/transport/transport_bench_cases.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;

// Says at each step that the step cannot be done.
class Refusing : public Transport {
 public:
  std::string name() const override { return "refusing"; }
  absl::StatusOr<std::unique_ptr<TransportServer>> Serve(const TransportShape&) const override {
    return absl::PermissionDeniedError("no server today");
  }
  absl::StatusOr<std::unique_ptr<TransportClient>> Connect(const TransportShape&, const std::string&, int,
                                                           TransportServer*) const override {
    return absl::PermissionDeniedError("no client today");
  }
};

std::vector<std::unique_ptr<Transport>> AllTransports() {
  std::vector<std::unique_ptr<Transport>> transports;
  transports.push_back(std::make_unique<RawTcp>(""));
  transports.push_back(std::make_unique<Refusing>());
  return transports;
}

TEST(TransportBenchTest, ReportsEveryFigureOfEveryCaseWithItsReference) {
  TransportBenchOptions options;
  options.tensor_bytes = {4096, size_t{1} << 20};
  options.clients = {1, 2};
  options.rounds = 1;
  options.turn_seconds = 0.01;
  size_t seen = 0;
  options.on_line = [&](const BenchLine&) { ++seen; };
  const std::vector<std::unique_ptr<Transport>> all = AllTransports();
  const auto lines = RunTransportBench(options, Transports(all).first(1));
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_EQ(seen, lines->size());
  std::set<std::string> figures;
  for (const BenchLine& line : *lines) {
    EXPECT_TRUE(figures.insert(line.case_name + " " + line.metric).second) << line.case_name << " " << line.metric;
    EXPECT_GT(line.value, 0) << ToJson(line);
    EXPECT_GT(line.reference_value, 0) << ToJson(line);
    EXPECT_GT(line.ratio, 0) << ToJson(line);
  }
  for (const char* direction : {"push", "pull", "both"}) {
    for (const char* shape : {"/4KiB/1", "/4KiB/2", "/1MiB/1", "/1MiB/2"}) {
      for (const char* metric : {"messages_per_second", "cpu_seconds_per_gb"}) {
        EXPECT_EQ(figures.count(std::string(direction) + "/raw_tcp" + shape + " " + metric), 1u)
            << direction << shape << metric;
      }
    }
  }
  EXPECT_EQ(figures.count("push/raw_tcp/4KiB/1 latency_p50"), 1u);
  EXPECT_EQ(figures.count("pull/raw_tcp/1MiB/1 latency_p99"), 1u);
  EXPECT_EQ(figures.count("copy/memcpy/4KiB/1 throughput"), 1u);
  EXPECT_EQ(figures.count("apply/fused/1MiB/1 throughput"), 1u);
}

TEST(TransportBenchTest, SaysWhatAProcessCouldNotDo) {
  TransportBenchOptions options;
  options.tensor_bytes = {4096};
  options.clients = {1};
  const std::vector<std::unique_ptr<Transport>> all = AllTransports();
  const absl::Status status = RunTransportBench(options, Transports(all).subspan(1)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()), HasSubstr("push/refusing/4KiB/1"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no server today"));
}

TEST(TransportBenchTest, AServerThatDiesEndsTheBenchmarkWithAnError) {
  BenchProcessSpec spec;
  spec.transport = "raw_tcp";
  spec.server = true;
  auto server = BenchProcess::Start(spec);
  ASSERT_TRUE(server.ok()) << server.status();
  spec.server = false;
  spec.client = 0;
  spec.address = (*server)->address();
  const auto client = BenchProcess::Start(spec);
  ASSERT_TRUE(client.ok()) << client.status();
  server->reset();
  ASSERT_TRUE((*client)->Begin(Turn()).ok());
  EXPECT_EQ((*client)->Collect().status().code(), absl::StatusCode::kUnavailable);
}

TEST(TransportBenchTest, CountsProcessorTimeAndMemoryOfTheProcess) {
  BenchProcessSpec spec;
  spec.transport = "raw_tcp";
  spec.server = true;
  spec.shape.tensor_bytes = size_t{32} << 20;
  const auto server = BenchProcess::Start(spec);
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_GT((*server)->CpuSeconds(), 0);
  EXPECT_GT((*server)->PeakBytes(), size_t{32} << 20);
}

TEST(RawTcpTest, AppliesWhatIsPushedAndPullsWhatIsThere) {
  TransportShape shape;
  shape.tensor_bytes = 4 * 1'000'003;
  shape.tensors = 2;
  const RawTcp raw("");
  const auto server = raw.Serve(shape);
  ASSERT_TRUE(server.ok()) << server.status();
  const auto client = raw.Connect(shape, (*server)->address(), 0, nullptr);
  ASSERT_TRUE(client.ok()) << client.status();
  for (size_t tensor : {0, 1, 1}) {
    ASSERT_TRUE((*client)->Start(Transfer::kPush, tensor).ok());
    ASSERT_TRUE((*client)->Finish(Transfer::kPush).ok());
  }
  for (size_t tensor : {0, 1}) ASSERT_TRUE((*client)->Start(Transfer::kPull, tensor).ok());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE((*client)->Finish(Transfer::kPull).ok());
  const absl::Span<const float> weights = (*client)->Pulled();
  ASSERT_EQ(weights.size(), 2'000'006u);
  for (size_t i = 0; i < weights.size(); ++i)
    ASSERT_EQ(weights[i], i < 1'000'003 ? 1 - 1.0f / 1024 : 1 - 2.0f / 1024) << i;
}

TEST(SizeNameTest, ReadsWhatItWrites) {
  for (const size_t bytes :
       {size_t{4}, size_t{1000}, size_t{4096}, size_t{3} << 19, size_t{16} << 20, size_t{3} << 30}) {
    const auto parsed = ParseSize(SizeName(bytes));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, bytes);
  }
  EXPECT_EQ(SizeName(16 << 20), "16MiB");
  EXPECT_EQ(*ParseSize("1000"), 1000u);
  for (const char* wrong : {"", "MiB", "0", "-4", "4MB", "6B", "1e3", "99999999999GiB"}) {
    EXPECT_FALSE(ParseSize(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace downpour

int main(int argc, char** argv) {
  const auto transports = downpour::AllTransports();
  if (downpour::IsBenchProcess(argc, argv)) return downpour::BenchProcessMain(argc, argv, transports);
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
