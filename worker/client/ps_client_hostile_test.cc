// What a client does about a server that lies.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/philox.h"
#include "gtest/gtest.h"
#include "worker/client/client_fixture.h"

namespace downpour {
namespace {

using testing::FakeFaults;
using testing::MakeFakeMap;
using testing::MakeTarget;

class PsClientHostileTest : public testing::ClientTest {
 protected:
  void Tamper(std::function<void(SlicedServerMessage*)> tamper) {
    FakeFaults faults;
    faults.tamper = std::move(tamper);
    cluster_->SetFaults(faults);
  }

  // A pull while `change` is done to every piece.
  absl::Status PullWith(std::function<void(SlicedWeightsPiece*)> change) {
    StartAndJoin(MakeFakeMap({40}, 20, 1));
    Tamper([change](SlicedServerMessage* message) {
      for (SlicedWeightsPiece& piece : message->pieces) change(&piece);
    });
    std::vector<float> weights(42, 7);
    Target target = MakeTarget(0, &weights);
    target.memory = target.memory.subspan(4, 160);
    const absl::Status status = client_->Wait(client_->Pull({target}, {.timeout = absl::Milliseconds(100)})).status;
    // Nothing beside the memory was written.
    EXPECT_EQ(weights.front(), 7);
    EXPECT_EQ(weights.back(), 7);
    client_ = nullptr;
    return status;
  }
};

TEST_F(PsClientHostileTest, WeightsThatAreNotTheShardsEndThePullWithAnError) {
  const std::vector<std::function<void(wire::WeightsPiece*)>> changes = {
      [](auto* h) { h->set_element_count(21); },
      [](auto* h) { h->set_element_count(~uint64_t{0}); },
      [](auto* h) { h->set_total_bytes(84); },
      [](auto* h) { h->set_offset(h->offset() + 4); },
      [](auto* h) { h->set_offset(~uint64_t{0} - 3); },
      [](auto* h) { h->set_dtype(INT32); },
      [](auto* h) { h->set_dtype(static_cast<DataType>(99)); },
      [](auto* h) {
        if (h->offset() > 0) h->set_version(h->version() + 1);
      },
      [](auto* h) { h->set_element_count(0), h->set_total_bytes(0); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    const absl::Status status = PullWith([&](SlicedWeightsPiece* piece) { changes[i](&piece->header); });
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << i << ": " << status;
  }
}

TEST_F(PsClientHostileTest, PayloadsOfAnotherLengthEndThePullWithAnError) {
  const std::vector<std::byte> much(1000);
  EXPECT_EQ(PullWith([](SlicedWeightsPiece* piece) { piece->payload.clear(); }).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(PullWith([&](SlicedWeightsPiece* piece) { piece->payload = {much}; }).code(), absl::StatusCode::kInternal);
}

TEST_F(PsClientHostileTest, AnswersToNothingAreIgnored) {
  EXPECT_EQ(PullWith([](SlicedWeightsPiece* piece) { piece->header.set_ticket(99); }).code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(PullWith([](SlicedWeightsPiece* piece) { piece->header.set_shard(1 << 30); }).code(),
            absl::StatusCode::kDeadlineExceeded);
  StartAndJoin(MakeFakeMap({40}, 20, 1));
  Tamper([](SlicedServerMessage* message) {
    for (const uint32_t shard : {0u, 1u, 2u, ~0u}) {
      wire::Acknowledgement& answer = *message->rest.add_acknowledgements();
      answer.set_shard(shard);
      answer.set_sequence(1000);
      answer.set_fate(wire::Acknowledgement::APPLIED);
      wire::PullRefusal& refusal = *message->rest.add_pull_refusals();
      refusal.set_ticket(shard);
      refusal.set_shard(shard);
    }
  });
  EXPECT_EQ(client_->Wait(Push(0, 1)).status, absl::OkStatus());
  EXPECT_GE(client_->counters().ignored, 4);
}

TEST_F(PsClientHostileTest, AFateThatIsNotKnownEndsTheStreamAndThePushIsSentAgain) {
  StartAndJoin(MakeFakeMap({4}, 4, 1));
  int times = 0;
  Tamper([&](SlicedServerMessage* message) {
    for (wire::Acknowledgement& answer : *message->rest.mutable_acknowledgements()) {
      if (++times == 1) answer.set_fate(static_cast<wire::Acknowledgement::Fate>(9));
    }
  });
  EXPECT_EQ(client_->Wait(Push(0, 1)).status, absl::OkStatus());
  EXPECT_EQ(cluster_->duplicates(), 1);
  EXPECT_EQ(cluster_->WeightsOf(0), std::vector<float>(4, -1));
}

TEST_F(PsClientHostileTest, AStreamWithoutHelloIsGivenUp) {
  Start(MakeFakeMap({4}, 4, 1));
  Tamper([](SlicedServerMessage* message) { message->rest.clear_hello(); });
  Join();
  const OperationHandle push = Push(0, 1, {.timeout = absl::Milliseconds(50)});
  EXPECT_EQ(client_->Wait(push).status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_NE(push->result().status.message().find("no hello"), std::string::npos) << push->result().status;
}

// Flips fields of everything that a server says, at random; what is right among it may get through.
TEST_F(PsClientHostileTest, RandomNonsenseNeitherCrashesNorWritesBesideTheMemory) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    StartAndJoin(MakeFakeMap({40, 8}, 20, 2));
    PhiloxStream random(seed);
    Mutex mutex;
    Tamper([&](SlicedServerMessage* message) {
      MutexLock lock(&mutex);
      const auto odd = [&] { return random.UniformInt(4) == 0; };
      const auto number = [&] { return odd() ? ~uint64_t{0} - random.UniformInt(8) : random.UniformInt(64); };
      for (SlicedWeightsPiece& piece : message->pieces) {
        if (odd()) piece.header.set_ticket(number());
        if (odd()) piece.header.set_shard(number());
        if (odd()) piece.header.set_offset(number());
        if (odd()) piece.header.set_total_bytes(number());
        if (odd()) piece.header.set_element_count(number());
        if (odd()) piece.payload.clear();
      }
      for (wire::Acknowledgement& answer : *message->rest.mutable_acknowledgements()) {
        if (odd()) answer.set_shard(number());
        if (odd()) answer.set_sequence(number());
        if (odd()) answer.set_fate(static_cast<wire::Acknowledgement::Fate>(random.UniformInt(6)));
        if (odd()) {
          // Not those that end the client for good.
          answer.mutable_refusal()->set_reason(static_cast<wire::Refusal::Reason>(5 + random.UniformInt(20)));
        }
      }
      if (odd() && odd()) message->rest.mutable_hello();
    });
    std::vector<float> weights(42, 7);
    Target target = MakeTarget(0, &weights);
    target.memory = target.memory.subspan(4, 160);
    for (int i = 0; i < 20; ++i) {
      Push(i % 2, 1, {.timeout = absl::Milliseconds(20)});
      client_->Wait(client_->Pull({target}, {.timeout = absl::Milliseconds(3)}));
    }
    client_->Flush().IgnoreError();
    EXPECT_EQ(weights.front(), 7);
    EXPECT_EQ(weights.back(), 7);
    client_ = nullptr;
  }
}

}  // namespace
}  // namespace downpour
