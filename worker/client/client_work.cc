#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "worker/client/client_core.h"

namespace downpour {
namespace {

constexpr absl::Duration kLookedEvery = absl::Milliseconds(10);

}  // namespace

template <typename Response, typename Request>
absl::StatusOr<Response> ClientCore::AskCoordinator(Request request, CoordinatorCall<Request, Response> call,
                                                    std::string_view what) {
  DP_ASSIGN_OR_RETURN(ServerState* const server, GetServer(options_.servers.front()));
  const absl::Duration give_up_at = Now() + options_.operation_timeout;
  Backoff backoff(options_.backoff, options_.seed, (uint64_t{3} << 32) + server->id);
  request.set_job_fingerprint(options_.job_fingerprint);
  request.set_worker(options_.worker);
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (!status_.ok()) return status_;
      request.set_incarnation(incarnation_);
    }
    absl::StatusOr<Response> answer = (server->carrier->control().*call)(request, options_.control_timeout);
    if (answer.ok()) return answer;
    if constexpr (std::is_same_v<Request, wire::TakeWorkRequest>) {
      // The coordinator does not count this worker in, which its streams may not have heard yet. (Of a report it may
      // mean no more than that the lease is another's.)
      if (absl::IsFailedPrecondition(answer.status())) FindOutWhy(server, answer.status());
    }
    const absl::Duration again = Now() + backoff.Next();
    MutexLock lock(&mutex_);
    // What ended this worker says more than how this call failed.
    if (!status_.ok()) return status_;
    if (!IsPassing(answer.status()) || again >= give_up_at) {
      return Annotate(answer.status(), absl::StrCat(std::string(what), " of ", NameOf(*server)));
    }
    while (status_.ok() && Now() < again) timer_wake_.WaitFor(&mutex_, again - Now());
  }
}

void ClientCore::FindOutWhy(ServerState* server, const absl::Status& status) {
  Effects effects;
  {
    MutexLock lock(&mutex_);
    if (!status_.ok()) return;
    AskWhy(server, status, &effects);
  }
  Run(std::move(effects));
  const absl::Duration give_up_at = Now() + options_.control_timeout;
  MutexLock lock(&mutex_);
  while (status_.ok() && !closing_ && Now() < give_up_at) timer_wake_.WaitFor(&mutex_, kLookedEvery);
}

absl::StatusOr<wire::TakeWorkResponse> ClientCore::TakeWork() {
  wire::TakeWorkRequest request;
  {
    MutexLock lock(&mutex_);
    request.set_ticket(++last_ticket_);
  }
  return AskCoordinator<wire::TakeWorkResponse>(std::move(request), &Control::TakeWork, "taking work");
}

absl::StatusOr<wire::ReportWorkResponse> ClientCore::ReportWork(wire::ReportWorkRequest report) {
  return AskCoordinator<wire::ReportWorkResponse>(std::move(report), &Control::ReportWork, "reporting work");
}

}  // namespace downpour
