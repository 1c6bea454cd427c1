#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "worker/client/client_core.h"
#include "worker/client/server_stream.h"

namespace downpour {

void ClientCore::ConnectIfUseful(ServerState* server, Effects* effects) {
  if (closing_ || !status_.ok() || !server->joined || server->stream != nullptr) return;
  server->connect_at.reset();
  server->stream = std::make_shared<ServerStream>(shared_from_this());
  server->link = nullptr;
  server->hello_sent = false;
  server->ready = false;
  ++open_streams_;
  effects->connects.emplace_back(server, server->stream);
}

void ClientCore::LoseStream(ServerState* server, Effects* effects) {
  server->stream = nullptr;
  server->link = nullptr;
  server->ready = false;
  server->in_flight = 0;
  server->asked = 0;
  std::vector<ShardRequest*> requests(server->sent.begin(), server->sent.end());
  server->sent.clear();
  // Those that are half sent are at the front of their priority.
  for (ShardRequest* request : server->pushes.requests()) {
    if (static_cast<ShardPush*>(request)->offset > 0) requests.push_back(request);
  }
  for (ShardRequest* request : requests) {
    if (!request->is_push) {
      asked_.erase({request->operation->ticket, request->shard});
      Enqueue(request, effects);
      continue;
    }
    ShardPush* const push = static_cast<ShardPush*>(request);
    push->in_flight = 0;
    push->offset = 0;
    if (push->orphaned) {
      Finish(push, effects);
    } else if (push->state != RequestState::kQueued) {
      Enqueue(push, effects);
    }
  }
}

void ClientCore::GiveUpStream(ServerState* server, const absl::Status& why, Effects* effects) {
  if (server->stream == nullptr) return;
  if (server->link != nullptr) effects->finished.emplace_back(server->link, why);
  LoseStream(server, effects);
  if (!status_.ok() || closing_) return;
  server->connect_at = Now() + server->backoff.Next();
  NoteTime(*server->connect_at);
}

void ClientCore::OnClosed(const ServerStream* stream, const absl::Status& status) {
  Effects effects;
  {
    MutexLock lock(&mutex_);
    ServerState* const server = Find(stream);
    if (server != nullptr) {
      counters_.disconnects += server->ready;
      server->tally.disconnects += server->ready;
      const bool greeted = server->ready;
      server->trouble = status.ok() ? absl::UnavailableError("it has ended the stream") : status;
      GiveUpStream(server, server->trouble, &effects);
      // Whose link has nothing more to be told.
      effects.finished.clear();
      // Instead of a hello: why this worker has no stream any more.
      if (!greeted && status.code() == absl::StatusCode::kAborted) {
        OnFenced(*server, std::string(status.message()), &effects);
      } else if (!greeted && status.code() == absl::StatusCode::kFailedPrecondition) {
        OnGivenUp(*server, std::string(status.message()), &effects);
      } else if (!greeted && status.code() == absl::StatusCode::kNotFound) {
        OnRestarted(*server, &effects);
      }
    }
  }
  Run(std::move(effects));
  MutexLock lock(&mutex_);
  --open_streams_;
  streams_closed_.SignalAll();
}

// ---- Timers

void ClientCore::NoteTime(absl::Duration time) {
  if (time >= timer_at_) return;
  timer_at_ = time;
  timer_wake_.SignalAll();
}

void ClientCore::FailLate(absl::Duration now, Effects* effects) {
  if (now < next_deadline_) return;
  next_deadline_ = absl::InfiniteDuration();
  std::vector<std::shared_ptr<OpenOperation>> late;
  for (const auto& [ticket, operation] : operations_) {
    if (operation->settled) continue;
    if (operation->deadline <= now) {
      late.push_back(operation);
    } else {
      next_deadline_ = std::min(next_deadline_, operation->deadline);
    }
  }
  for (const std::shared_ptr<OpenOperation>& operation : late) {
    std::string message = absl::StrCat("not finished within ", absl::FormatDuration(operation->options.timeout));
    if (!operation->trouble.ok()) absl::StrAppend(&message, "; ", operation->trouble.message());
    for (const auto& [id, server] : servers_) {
      if (!server->trouble.ok()) absl::StrAppend(&message, "; ", NameOf(*server), ": ", server->trouble.ToString());
    }
    Fail(operation.get(), absl::DeadlineExceededError(message), effects);
  }
}

absl::Duration ClientCore::OnTime(absl::Duration now, Effects* effects) {
  FailLate(now, effects);
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    ShardRequest* const request = delayed_.begin()->second;
    delayed_.erase(delayed_.begin());
    Enqueue(request, effects);
  }
  absl::Duration next = next_deadline_;
  if (!delayed_.empty()) next = std::min(next, delayed_.begin()->first);
  for (auto& [id, server] : servers_) {
    if (server->connect_at.has_value() && *server->connect_at <= now) ConnectIfUseful(server.get(), effects);
    if (server->connect_at.has_value()) next = std::min(next, *server->connect_at);
  }
  return next;
}

void ClientCore::TimerLoop() {
  while (true) {
    Effects effects;
    {
      MutexLock lock(&mutex_);
      while (!closing_ && Now() < timer_at_) timer_wake_.WaitFor(&mutex_, timer_at_ - Now());
      if (closing_) return;
      timer_at_ = absl::InfiniteDuration();
      timer_at_ = OnTime(Now(), &effects);
    }
    Run(std::move(effects));
  }
}

}  // namespace downpour
