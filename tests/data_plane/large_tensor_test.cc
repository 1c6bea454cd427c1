// A table of 3 GiB, over gRPC: beyond every 32-bit count of bytes.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "common/tensor/half.h"
#include "gtest/gtest.h"
#include "tests/data_plane/test_cluster.h"

namespace downpour {
namespace {

// Counts what comes, and keeps nothing of it.
class Count final : public WeightsSink {
 public:
  void Take(TableIndex, uint64_t first_byte, absl::Span<const std::byte> bytes,
            const std::shared_ptr<const void>&) override {
    bytes_ += bytes.size();
    last_ = std::max(last_, first_byte + bytes.size());
  }
  uint64_t bytes() const { return bytes_; }
  uint64_t last() const { return last_; }

 private:
  uint64_t bytes_ = 0;
  uint64_t last_ = 0;
};

TEST(LargeTensorTest, ATableOf3GiBIsPushedAndPulledWhole) {
  constexpr uint64_t kElements = uint64_t{3} << 28;
  const CarrierKind kind = AllCarrierKinds()[1];
  ASSERT_EQ(kind.name, "grpc");
  TestCluster cluster(kind, {.tables = {kElements}});
  const std::unique_ptr<PsClient> client = cluster.Join();
  ASSERT_NE(client, nullptr);
  const auto values = std::make_shared<std::vector<BFloat16>>(kElements, BFloat16::FromFloat(1));
  Gradient gradient;
  gradient.dtype = DType::kBFloat16;
  gradient.values = {reinterpret_cast<const std::byte*>(values->data()), kElements * 2};
  gradient.owner = values;
  ASSERT_EQ(client->Wait(client->Push({gradient}, {.timeout = absl::Minutes(10)})).status, absl::OkStatus());
  Count count;
  ASSERT_EQ(client->Wait(client->Pull({{.table = 0, .sink = &count}}, {.timeout = absl::Minutes(10)})).status,
            absl::OkStatus());
  EXPECT_EQ(count.bytes(), kElements * 4);
  EXPECT_EQ(count.last(), kElements * 4);
  const Weights last = cluster.host(0).job()->shard(cluster.map().shards().size() - 1)->Read(false).value();
  EXPECT_EQ(last.values.block(0)[0], -1);
}

}  // namespace
}  // namespace downpour
