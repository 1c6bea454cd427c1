#include "cli/status/status_client.h"

#include <chrono>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/status/safe_text.h"
#include "common/base/clock.h"
#include "common/base/number_text.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "common/cluster/cluster_file.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/support/channel_arguments.h"

namespace downpour {
namespace {

// A report of 100,000 shards takes some 8 MiB.
constexpr int kReportBytesMax = 16 << 20;
constexpr size_t kReasonColumnsMax = 160;

std::chrono::system_clock::time_point DeadlineIn(absl::Duration duration) {
  return std::chrono::system_clock::now() + absl::ToChronoMilliseconds(duration);
}

}  // namespace

absl::Status ExplainCallError(const std::string& address, const grpc::Status& status, bool tls,
                              absl::Duration deadline) {
  const std::string said = SafeText(status.error_message(), kReasonColumnsMax);
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  const auto no_answer = [&](const std::string& why) {
    return absl::Status(code, absl::StrCat("no answer from ", address, ": ", why));
  };
  const auto refused = [&](const std::string& why) { return absl::Status(code, absl::StrCat(address, " ", why)); };
  switch (status.error_code()) {
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return no_answer(absl::StrCat("nothing within ", DurationText(absl::ToDoubleSeconds(deadline)),
                                    "; is the process stopped, or the network cut?"));
    case grpc::StatusCode::UNIMPLEMENTED:
      return refused("answers, but not this call: is it of an older version?");
    case grpc::StatusCode::UNAUTHENTICATED:
      return refused("wants to know who asks: give --cert_file and --key_file with the role monitor or admin");
    case grpc::StatusCode::PERMISSION_DENIED:
      return refused(absl::StrCat("does not allow it: use a certificate with the role admin (", said, ")"));
    case grpc::StatusCode::UNAVAILABLE:
      break;
    default:
      return refused(absl::StrCat("says: ", said));
  }
  const std::string& raw = status.error_message();
  if (absl::StrContains(raw, "Connection refused")) return no_answer("connection refused; is the server up?");
  if (absl::StrContains(raw, "DNS resolution") || absl::StrContains(raw, "Domain name not found")) {
    return no_answer("nobody knows a machine of that name");
  }
  if (absl::StrContains(raw, "No route to host") || absl::StrContains(raw, "Network is unreachable")) {
    return no_answer("the network has no way there");
  }
  if (absl::StrContains(raw, "andshake") || absl::StrContains(raw, "certificate") || absl::StrContains(raw, "SSL")) {
    return no_answer(absl::StrCat(tls ? "no TLS could be agreed on; is its certificate by --trusted_ca_file, and for "
                                        "this name? ("
                                      : "no connection could be agreed on (",
                                  said, ")"));
  }
  if (absl::StrContains(raw, "Socket closed") || absl::StrContains(raw, "onnection reset")) {
    return no_answer(tls ? "it closes the connection; does it speak TLS, and know this certificate?"
                         : "it closes the connection; does it want TLS (--trusted_ca_file)?");
  }
  if (absl::StrContains(raw, "HTTP/2") || absl::EndsWith(raw, "last error: OK")) {
    return no_answer("what listens there speaks another protocol; is it the port of a server?");
  }
  return no_answer(said);
}

StatusClient::StatusClient(StatusClientOptions options) : options_(std::move(options)) {}
StatusClient::~StatusClient() = default;

absl::StatusOr<StatusClient::Connection*> StatusClient::Connect(const std::string& address) {
  const auto found = connections_.find(address);
  if (found != connections_.end()) return &found->second;
  DP_RETURN_IF_ERROR(HostPort::Parse(address).status());
  DP_RETURN_IF_ERROR(CheckAddress(address, options_.security));
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(absl::ToInt64Milliseconds(options_.deadline)));
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetMaxReceiveMessageSize(kReportBytesMax);
  arguments.SetInt(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE);
  // With the scheme written out, a host that is called "unix" is a host.
  const auto channel = grpc::CreateCustomChannel(
      absl::StrCat("dns:///", address),
      options_.credentials != nullptr ? options_.credentials : grpc::InsecureChannelCredentials(), arguments);
  Connection connection;
  connection.status = wire::Status::NewStub(channel);
  connection.admin = wire::Admin::NewStub(channel);
  return &connections_.emplace(address, std::move(connection)).first->second;
}

void StatusClient::Cancel() {
  MutexLock lock(&mutex_);
  cancelled_ = true;
  for (grpc::ClientContext* const context : open_) context->TryCancel();
}

void StatusClient::AskAll(const std::vector<Question>& questions,
                          const std::function<std::vector<Question>(Answer answer)>& answered) {
  struct Call {
    Answer answer;
    grpc::ClientContext context;
    grpc::Status status;
    absl::Duration began;
    std::unique_ptr<grpc::ClientAsyncResponseReader<wire::StatusReport>> reader;
  };
  const SteadyClock& clock = SteadyClock::Get();
  grpc::CompletionQueue queue;
  size_t open = 0;  // owned by the queue's tags
  std::vector<Question> to_ask = questions;
  while (true) {
    while (!to_ask.empty()) {
      const Question question = std::move(to_ask.back());
      to_ask.pop_back();
      const absl::StatusOr<Connection*> connection = Connect(question.address);
      if (!connection.ok()) {
        std::vector<Question> more = answered({.address = question.address, .status = connection.status()});
        to_ask.insert(to_ask.end(), more.begin(), more.end());
        continue;
      }
      auto* const call = new Call;
      ++open;
      {
        MutexLock lock(&mutex_);
        open_.insert(&call->context);
        if (cancelled_) call->context.TryCancel();
      }
      call->answer.address = question.address;
      call->began = clock.Now();
      call->context.set_deadline(DeadlineIn(options_.deadline));
      call->reader = (*connection)->status->AsyncGet(&call->context, question.request, &queue);
      call->reader->Finish(&call->answer.report, &call->status, call);
    }
    if (open == 0) break;
    void* tag = nullptr;
    bool ok = false;
    if (!queue.Next(&tag, &ok)) break;
    const std::unique_ptr<Call> call(static_cast<Call*>(tag));
    --open;
    {
      MutexLock lock(&mutex_);
      open_.erase(&call->context);
    }
    call->answer.round_trip_seconds = absl::ToDoubleSeconds(clock.Now() - call->began);
    if (!call->status.ok()) {
      call->answer.status =
          ExplainCallError(call->answer.address, call->status, options_.credentials != nullptr, options_.deadline);
    }
    to_ask = answered(std::move(call->answer));
  }
  queue.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
  }
}

absl::StatusOr<wire::StopJobResponse> StatusClient::StopJob(const std::string& address,
                                                            const wire::StopJobRequest& request) {
  DP_ASSIGN_OR_RETURN(Connection* const connection, Connect(address));
  grpc::ClientContext context;
  context.set_deadline(DeadlineIn(options_.deadline));
  wire::StopJobResponse response;
  const grpc::Status status = connection->admin->StopJob(&context, request, &response);
  if (status.ok()) return response;
  return ExplainCallError(address, status, options_.credentials != nullptr, options_.deadline);
}

absl::StatusOr<wire::DrainWorkerResponse> StatusClient::DrainWorker(const std::string& address,
                                                                    const wire::DrainWorkerRequest& request) {
  DP_ASSIGN_OR_RETURN(Connection* const connection, Connect(address));
  grpc::ClientContext context;
  context.set_deadline(DeadlineIn(options_.deadline));
  wire::DrainWorkerResponse response;
  const grpc::Status status = connection->admin->DrainWorker(&context, request, &response);
  if (status.ok()) return response;
  return ExplainCallError(address, status, options_.credentials != nullptr, options_.deadline);
}

absl::StatusOr<wire::ShutdownResponse> StatusClient::Shutdown(const std::string& address) {
  DP_ASSIGN_OR_RETURN(Connection* const connection, Connect(address));
  grpc::ClientContext context;
  context.set_deadline(DeadlineIn(options_.deadline));
  wire::ShutdownResponse response;
  const grpc::Status status = connection->admin->Shutdown(&context, wire::ShutdownRequest(), &response);
  if (status.ok()) return response;
  return ExplainCallError(address, status, options_.credentials != nullptr, options_.deadline);
}

void StatusClient::KeepOnly(const std::vector<std::string>& addresses) {
  const std::set<std::string> kept(addresses.begin(), addresses.end());
  for (auto it = connections_.begin(); it != connections_.end();) {
    it = kept.count(it->first) > 0 ? std::next(it) : connections_.erase(it);
  }
}

}  // namespace downpour
