// Asking the coordinator, in good and bad times.
#include <thread>

#include "gtest/gtest.h"
#include "worker/client/client_fixture.h"

namespace downpour {
namespace {

using testing::FakeFaults;

class PsClientWorkTest : public testing::ClientTest {
 protected:
  void SetUp() override { StartAndJoin(testing::MakeFakeMap({4}, 4, 1)); }
};

TEST_F(PsClientWorkTest, EachRequestHasATicketOfItsOwn) {
  EXPECT_EQ(client_->TakeWork()->training().lease(), 1u);
  EXPECT_EQ(client_->TakeWork()->training().lease(), 2u);
}

TEST_F(PsClientWorkTest, ARequestThatFailsInPassingIsSentAgainUnderTheSameTicket) {
  FakeFaults faults;
  faults.control = absl::UnavailableError("no way");
  cluster_->SetFaults(faults);
  std::thread mending([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    cluster_->SetFaults({});
  });
  EXPECT_EQ(client_->TakeWork()->training().lease(), 1u);
  mending.join();
  wire::ReportWorkRequest report;
  report.mutable_training()->set_used(7);
  EXPECT_EQ(client_->ReportWork(report)->steps(), 7u);
}

TEST_F(PsClientWorkTest, ARefusalIsTheAnswer) {
  FakeFaults faults;
  faults.control = absl::FailedPreconditionError("not yours any more");
  cluster_->SetFaults(faults);
  EXPECT_EQ(client_->ReportWork({}).status().code(), absl::StatusCode::kFailedPrecondition);
  cluster_->SetFaults({});
}

TEST_F(PsClientWorkTest, WhoHasLeftHearsThat) {
  ASSERT_TRUE(client_->Leave().ok());
  EXPECT_EQ(client_->TakeWork().status().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace downpour
