#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/limits.h"
#include "common/rpc/piece_check.h"
#include "common/tensor/wire_dtype.h"
#include "worker/client/client_core.h"

namespace downpour {
namespace {

// What can be done about a refusal.
enum class Remedy : uint8_t {
  kSendAgain,   // after a while
  kFetchMap,    // and then send again
  kJoinServer,  // with the present incarnation, and then send again
  kRejoin,      // this worker was given up
  kStop,        // this worker was replaced
  kNone,        // of the request itself
};

Remedy RemedyOf(wire::Refusal::Reason reason) {
  switch (reason) {
    case wire::Refusal::EPOCH_FUTURE:
    case wire::Refusal::OUT_OF_MEMORY:
    case wire::Refusal::SERVER_BUSY:
    case wire::Refusal::TOO_MANY_PULLS:
      return Remedy::kSendAgain;
    case wire::Refusal::EPOCH_STALE:
      return Remedy::kFetchMap;
    case wire::Refusal::INCARNATION_FUTURE:
      return Remedy::kJoinServer;
    case wire::Refusal::UNKNOWN_WORKER:
      return Remedy::kRejoin;
    case wire::Refusal::INCARNATION_STALE:
      return Remedy::kStop;
    default:
      return Remedy::kNone;
  }
}

absl::StatusCode CodeOf(wire::Refusal::Reason reason) {
  switch (reason) {
    case wire::Refusal::VERSION_FUTURE:
    case wire::Refusal::NO_AVERAGE:
    case wire::Refusal::POLICY:
      return absl::StatusCode::kFailedPrecondition;
    default:
      return absl::StatusCode::kInvalidArgument;
  }
}

}  // namespace

std::string ClientCore::NameOf(const ServerState& server) const {
  return absl::StrCat("server/", server.id, " (", server.carrier->address(), ")");
}

ServerState* ClientCore::Find(const ServerStream* stream) {
  for (auto& [id, server] : servers_) {
    if (server->stream.get() == stream) return server.get();
  }
  return nullptr;
}

void ClientCore::OnMessage(const ServerStream* stream, SlicedServerMessage message) {
  Effects effects;
  std::vector<Copy> copies;
  {
    MutexLock lock(&mutex_);
    ServerState* const server = Find(stream);
    if (server == nullptr) return;
    absl::Status fault;
    if (server->ready == message.rest.has_hello()) {
      fault = absl::InternalError(server->ready ? "it has said hello twice" : "its first message has no hello");
    } else if (message.rest.has_hello()) {
      fault = OnHello(server, message.rest.hello(), &effects);
    }
    for (const wire::Acknowledgement& answer : message.rest.acknowledgements()) {
      if (!fault.ok() || server->stream.get() != stream) break;
      fault = OnAcknowledgement(server, answer, &effects);
    }
    for (const wire::PullRefusal& answer : message.rest.pull_refusals()) {
      if (!fault.ok() || server->stream.get() != stream) break;
      OnPullRefusal(server, answer, &effects);
    }
    for (const SlicedWeightsPiece& piece : message.pieces) {
      if (!fault.ok() || server->stream.get() != stream) break;
      OnWeights(server, piece, &copies, &effects);
    }
    if (!fault.ok()) {
      server->trouble = fault;
      GiveUpStream(server, fault, &effects);
    }
    if (server->link != nullptr && !(server->pushes.empty() && server->pulls.empty())) {
      effects.wakes.push_back(server->link);
    }
  }
  for (const Copy& copy : copies) Deliver(copy);
  if (!copies.empty()) {
    // What was received is let go before anybody hears of it.
    message.pieces.clear();
    MutexLock lock(&mutex_);
    FinishCopies(copies, &effects);
    // There is room to ask for more.
    ServerState* const server = Find(stream);
    if (server != nullptr && server->link != nullptr && !server->pulls.empty()) effects.wakes.push_back(server->link);
  }
  Run(std::move(effects));
}

absl::Status ClientCore::OnHello(ServerState* server, const wire::ServerHello& hello, Effects* effects) {
  if (hello.version() < kProtocolVersionMin || hello.version() > kProtocolVersion) {
    return absl::InternalError(absl::StrCat("it has picked protocol version ", hello.version()));
  }
  if (hello.server_incarnation() != server->incarnation) {
    OnRestarted(*server, effects);
    return absl::OkStatus();
  }
  server->ready = true;
  server->in_flight_max = hello.bytes_in_flight_max();
  server->backoff.Reset();
  server->trouble = absl::OkStatus();
  ++counters_.connects;
  if (hello.epoch() > map_->epoch()) {
    server->join_wanted = true;
    server->keeper_wake.SignalAll();
  }
  return absl::OkStatus();
}

void ClientCore::ReleaseInFlight(ShardPush* push) {
  if (push->server != nullptr) push->server->in_flight -= push->in_flight;
  push->in_flight = 0;
}

void ClientCore::ReleaseThen(ShardPush* push, Effects* effects) {
  ShardPull* const pull = std::exchange(push->then, nullptr);
  if (pull != nullptr && pull->state == RequestState::kBlocked) Enqueue(pull, effects);
}

absl::Status ClientCore::OnAcknowledgement(ServerState* server, const wire::Acknowledgement& answer, Effects* effects) {
  ShardPush* const push = answer.shard() < numbers_.size() ? numbers_[answer.shard()].Find(answer.sequence()) : nullptr;
  const bool on_stream = push != nullptr && push->server == server &&
                         (push->state == RequestState::kSent || push->state == RequestState::kHeld ||
                          (push->state == RequestState::kQueued && push->offset > 0));
  if (!on_stream) {
    ++counters_.ignored;
    return absl::OkStatus();
  }
  ShardOutcome& outcome = push->operation->mutable_result().pushes[push->outcome];
  const bool told = !push->operation->settled;  // nobody writes to a result that somebody may read
  switch (answer.fate()) {
    case wire::Acknowledgement::HELD:
      if (push->state != RequestState::kSent) break;
      push->state = RequestState::kHeld;
      ReleaseInFlight(push);
      ReleaseThen(push, effects);
      break;
    case wire::Acknowledgement::APPLIED:
    case wire::Acknowledgement::DROPPED:
      ++counters_.pushes_answered;
      server->backoff.Reset();
      ++server->tally.pushes;
      server->tally.push_time += Now() - push->sent_at;
      server->tally.push_bytes += push->total_bytes;
      if (told) {
        outcome.fate = answer.fate() == wire::Acknowledgement::APPLIED ? ShardFate::kApplied : ShardFate::kDropped;
        outcome.version = answer.version();
        const uint64_t seen = push->version_pulled + 1;  // and its own update
        if (outcome.fate == ShardFate::kApplied && answer.version() > seen) {
          outcome.staleness = answer.version() - seen;
        }
      }
      ReleaseThen(push, effects);
      Finish(push, effects);
      break;
    case wire::Acknowledgement::REFUSED:
      OnRefused(push, answer.refusal(), effects);
      break;
    default:
      return absl::InternalError(
          absl::StrCat("it has acknowledged a push with fate ", static_cast<int>(answer.fate())));
  }
  return absl::OkStatus();
}

void ClientCore::OnPullRefusal(ServerState* server, const wire::PullRefusal& answer, Effects* effects) {
  const auto found = asked_.find({answer.ticket(), answer.shard()});
  if (found == asked_.end() || found->second->server != server) {
    ++counters_.ignored;
    return;
  }
  OnRefused(found->second, answer.refusal(), effects);
}

void ClientCore::Delay(ShardRequest* request) {
  // Drawn from the server's back-off, which begins anew when a stream does: a server that is busy hears less and less.
  const absl::Duration at = Now() + request->server->backoff.Next();
  Detach(request);
  request->state = RequestState::kDelayed;
  delayed_.emplace(at, request);
  NoteTime(at);
}

void ClientCore::OnRefused(ShardRequest* request, const wire::Refusal& refusal, Effects* effects) {
  ++counters_.refusals;
  ServerState* const server = request->server;
  OpenOperation* const operation = request->operation;
  if (request->is_push) {
    ShardPush* const push = static_cast<ShardPush*>(request);
    if (push->orphaned) return Finish(push, effects);
  }
  const std::string text = absl::StrCat(NameOf(*server), " refused ", request->is_push ? "a push to " : "a pull of ",
                                        map_->NameOf(request->shard), ": ", refusal.message());
  operation->trouble = absl::UnavailableError(text);
  switch (RemedyOf(refusal.reason())) {
    case Remedy::kSendAgain:
      return Delay(request);
    case Remedy::kFetchMap:
    case Remedy::kJoinServer:
      return AwaitMap(request, server);
    case Remedy::kRejoin:
      return OnGivenUp(*server, text, effects);
    case Remedy::kStop:
      return OnFenced(*server, text, effects);
    case Remedy::kNone:
      break;
  }
  if (request->is_push && !operation->settled) {
    operation->mutable_result().pushes[static_cast<ShardPush*>(request)->outcome].fate = ShardFate::kRefused;
  }
  const std::shared_ptr<OpenOperation> alive = operations_.find(operation->ticket)->second;
  // Settled first, so that its last request to finish does not settle it with OK.
  Fail(operation, absl::Status(CodeOf(refusal.reason()), text), effects);
  Finish(request, effects);
}

void ClientCore::OnWeights(ServerState* server, const SlicedWeightsPiece& piece, std::vector<Copy>* copies,
                           Effects* effects) {
  const wire::WeightsPiece& header = piece.header;
  const auto found = asked_.find({header.ticket(), header.shard()});
  if (found == asked_.end() || found->second->server != server) {
    ++counters_.ignored;
    return;
  }
  ShardPull* const pull = found->second;
  OpenOperation* const operation = pull->operation;
  const ShardPlacement& placement = map_->shards()[pull->shard];
  const TableSpec& table = map_->tables()[placement.table];
  if (header.offset() == 0) {
    pull->received = 0;
    pull->version = header.version();
    pull->clock = header.clock();
  }
  const PieceFault fault = CheckPiece(piece);
  absl::Status wrong = fault.status;
  if (wrong.ok() && header.dtype() != ToWireDType(table.dtype)) {
    wrong = absl::InternalError(absl::StrCat("the weights have dtype ", static_cast<int>(header.dtype())));
  } else if (wrong.ok() && header.element_count() != placement.element_count) {
    wrong = absl::InternalError(absl::StrCat("the weights have ", header.element_count(), " elements"));
  } else if (wrong.ok() && (header.offset() != pull->received || header.version() != pull->version)) {
    wrong =
        absl::InternalError(absl::StrCat("a piece of version ", header.version(), " at offset ", header.offset(),
                                         " does not go on from ", pull->received, " bytes of version ", pull->version));
  }
  if (!wrong.ok()) {
    return Fail(operation,
                absl::InternalError(absl::StrCat(NameOf(*server), " answered a pull of ", map_->NameOf(pull->shard),
                                                 " with nonsense: ", wrong.message())),
                effects);
  }
  ++operation->copying;
  copies->push_back({pull, pull->first_byte + header.offset(), &piece});
  pull->received += ByteCount(piece.payload);
}

void ClientCore::Deliver(const Copy& copy) const {
  const Target& target = copy.pull->operation->targets[copy.pull->target].target;
  uint64_t at = copy.first_byte;
  for (const absl::Span<const std::byte> run : copy.piece->payload) {
    if (run.empty()) continue;
    if (target.sink != nullptr) {
      target.sink->Take(target.table, at, run, copy.piece->owner);
    } else {
      std::memcpy(target.memory.data() + at, run.data(), run.size());
    }
    at += run.size();
  }
}

void ClientCore::FinishCopies(const std::vector<Copy>& copies, Effects* effects) {
  // The last copy of an operation may be the end of it.
  std::vector<std::shared_ptr<OpenOperation>> alive;
  for (const Copy& copy : copies) {
    OpenOperation* const operation = copy.pull->operation;
    if (alive.empty() || alive.back().get() != operation) {
      alive.push_back(operations_.find(operation->ticket)->second);
    }
    --operation->copying;
  }
  for (const Copy& copy : copies) {
    ShardPull* const pull = copy.pull;
    if (pull->state != RequestState::kSent || pull->received != pull->total_bytes) continue;
    LinkTally& tally = pull->server->tally;
    ++tally.pulls;
    tally.pull_time += Now() - pull->sent_at;
    tally.pull_bytes += pull->total_bytes;
    Finish(pull, effects);
  }
  for (const std::shared_ptr<OpenOperation>& operation : alive) {
    if (operation->settled && !operation->announced) AnnounceIfIdle(operation.get(), effects);
  }
}

}  // namespace downpour
