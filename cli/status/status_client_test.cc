#include "cli/status/status_client.h"

#include <map>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "cli/status/fake_task.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The answers by address.
std::map<std::string, StatusClient::Answer> Ask(StatusClient* client, const std::vector<std::string>& addresses) {
  std::vector<StatusClient::Question> questions;
  for (const std::string& address : addresses) questions.push_back({.address = address});
  std::map<std::string, StatusClient::Answer> answers;
  client->AskAll(questions, [&](StatusClient::Answer answer) {
    answers[answer.address] = std::move(answer);
    return std::vector<StatusClient::Question>();
  });
  return answers;
}

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

TEST(StatusClient, TellsWhatATaskAnswers) {
  FakeTask task;
  task.report = [](const wire::StatusRequest&) {
    wire::StatusReport report;
    report.mutable_task()->set_task("server/0");
    return report;
  };
  StatusClient client({});
  const auto answers = Ask(&client, {task.address()});
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers.begin()->second.status.ok());
  EXPECT_EQ(answers.begin()->second.report.task().task(), "server/0");
  EXPECT_GT(answers.begin()->second.round_trip_seconds, 0);
}

TEST(StatusClient, SaysWhoDoesNotAnswerAndWhatToDo) {
  StatusClient client({});
  auto answers = Ask(&client, {"127.0.0.1:1"});
  EXPECT_EQ(MessageOf(answers["127.0.0.1:1"].status),
            "no answer from 127.0.0.1:1: connection refused; is the server up?");
  answers = Ask(&client, {"nowhere", "10.0.0.1:7070", "unix:7070"});
  EXPECT_THAT(MessageOf(answers["nowhere"].status), HasSubstr("write HOST:PORT"));
  EXPECT_THAT(MessageOf(answers["10.0.0.1:7070"].status), HasSubstr("--insecure_allow_plaintext"));
}

TEST(StatusClient, WaitsForAllAtOnceAndNoLongerThanItsDeadline) {
  FakeTask slow, slower, quick;
  slow.delay = slower.delay = absl::Seconds(30);
  StatusClient client({.deadline = absl::Milliseconds(300)});
  const absl::Time begin = absl::Now();
  auto answers = Ask(&client, {slow.address(), slower.address(), quick.address()});
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
  EXPECT_TRUE(answers[quick.address()].status.ok());
  for (const FakeTask* const task : {&slow, &slower}) {
    EXPECT_THAT(MessageOf(answers[task->address()].status),
                HasSubstr("nothing within 0.3 s; is the process stopped, or the network cut?"));
  }
}

TEST(StatusClient, ExplainsRefusals) {
  FakeTask task;
  StatusClient client({});
  const auto said = [&](grpc::StatusCode code, const std::string& message) {
    task.status = grpc::Status(code, message);
    return MessageOf(Ask(&client, {task.address()}).begin()->second.status);
  };
  EXPECT_THAT(said(grpc::StatusCode::UNIMPLEMENTED, ""), HasSubstr("older version"));
  EXPECT_THAT(said(grpc::StatusCode::UNAUTHENTICATED, ""), HasSubstr("--cert_file"));
  EXPECT_THAT(said(grpc::StatusCode::PERMISSION_DENIED, ""), HasSubstr("role admin"));
  EXPECT_THAT(said(grpc::StatusCode::INTERNAL, "\x1b[31mred"), AllOf(HasSubstr("\\x1b[31mred")));
}

TEST(StatusClient, ExplainsWhatGrpcSays) {
  const auto said = [](const std::string& message, bool tls) {
    return MessageOf(
        ExplainCallError("a:1", grpc::Status(grpc::StatusCode::UNAVAILABLE, message), tls, absl::Seconds(3)));
  };
  EXPECT_THAT(said("DNS resolution failed for a:1", false), HasSubstr("nobody knows a machine of that name"));
  EXPECT_THAT(said("connect: No route to host", false), HasSubstr("no way there"));
  EXPECT_THAT(said("Ssl handshake failed: certificate", true), HasSubstr("--trusted_ca_file"));
  EXPECT_THAT(said("last error: Failed parsing HTTP/2", false), HasSubstr("another protocol"));
  EXPECT_THAT(said("Socket closed", false), HasSubstr("does it want TLS"));
  EXPECT_THAT(said("Socket closed", true), HasSubstr("does it speak TLS"));
}

TEST(StatusClient, AsksForWhatChangesAJob) {
  FakeTask task;
  task.drained_replicas = 2;
  task.was_over = true;
  StatusClient client({});
  wire::StopJobRequest stop;
  stop.set_why("enough");
  stop.set_evaluate(true);
  EXPECT_TRUE(client.StopJob(task.address(), stop)->was_over());
  wire::DrainWorkerRequest drain;
  drain.set_task(3);
  EXPECT_EQ(client.DrainWorker(task.address(), drain)->replicas(), 2u);
  EXPECT_TRUE(client.Shutdown(task.address()).ok());
  EXPECT_THAT(task.Asked(), ElementsAre("stop evaluate enough", "drain 3", "shutdown"));
  EXPECT_EQ(client.Shutdown("127.0.0.1:1").status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace downpour
