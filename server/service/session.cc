#include "server/service/session.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "common/rpc/piece_check.h"
#include "server/service/wire_refusal.h"

namespace downpour {
namespace {

// Answers that may wait for a peer to read them.
constexpr size_t kAnswersMax = size_t{1} << 17;

// Of one message: well below kEntriesMax, and with the bytes below kOverheadBytesMax.
constexpr size_t kAnswersInMessageMax = 4096;
constexpr size_t kAnswerBytesInMessageMax = size_t{256} << 10;

wire::Acknowledgement::Fate ToWire(PushFate fate) {
  switch (fate) {
    case PushFate::kApplied:
      return wire::Acknowledgement::APPLIED;
    case PushFate::kDropped:
      return wire::Acknowledgement::DROPPED;
    case PushFate::kHeld:
      return wire::Acknowledgement::HELD;
    case PushFate::kRefused:
      return wire::Acknowledgement::REFUSED;
  }
  return wire::Acknowledgement::FATE_UNSPECIFIED;
}

absl::Status DrainingError() {
  return absl::UnavailableError("the server is shutting down; what has no answer may be sent again to its successor");
}

bool IsWhole(const SlicedPushPiece& piece) {
  return piece.header.offset() == 0 && ByteCount(piece.payload) == piece.header.total_bytes();
}

// Moves entries to a message until it has enough.
template <typename Answer, typename Add>
size_t MoveAnswers(std::deque<Answer>* answers, size_t count_max, size_t* bytes, const Add& add) {
  size_t count = 0;
  while (!answers->empty() && count < count_max && *bytes < kAnswerBytesInMessageMax) {
    *bytes += answers->front().ByteSizeLong();
    *add() = std::move(answers->front());
    answers->pop_front();
    ++count;
  }
  return count;
}

}  // namespace

Session::Session(SessionHost* host, std::string peer, const ExchangeLimits& limits, ExchangeLink* link)
    : host_(host),
      peer_(std::move(peer)),
      limits_(limits),
      link_(link),
      mailbox_(std::make_shared<Mailbox>(link, peer_)) {}

Session::~Session() { mailbox_->Close(); }

// ---- What the worker says

void Session::Receive(SlicedClientMessage message) {
  if (ended_) return;
  if (!mailbox_->empty()) ReadMail();
  if (ended_ || draining_) return;
  if (absl::Status status = Greet(message.rest); !status.ok()) return End(std::move(status));
  host_->Heard(caller_->worker, caller_->incarnation);
  // Pushes first: a worker that sends both wants the weights after its push.
  const bool alone = message.pieces.size() == 1;
  for (SlicedPushPiece& piece : message.pieces) {
    HandlePush(piece, alone);
    // A carrier may want its memory back.
    piece.payload.clear();
    piece.owner.reset();
  }
  for (const wire::PullRequest& pull : message.rest.pulls()) {
    if (absl::Status status = HandlePull(pull); !status.ok()) return End(std::move(status));
  }
  if (absl::Status status = CheckAnswersAreRead(); !status.ok()) return End(std::move(status));
  link_->Wake();
}

absl::Status Session::Greet(const wire::ClientMessage& message) {
  if (caller_.has_value()) {
    if (!message.has_hello()) return absl::OkStatus();
    return absl::InvalidArgumentError("a second hello: it belongs into the first message of a stream and no other");
  }
  if (!message.has_hello()) {
    return absl::InvalidArgumentError("the first message of a stream has no hello, which says who calls");
  }
  DP_ASSIGN_OR_RETURN(SessionHost::Admission admission, host_->Admit(message.hello(), mailbox_));
  const Job& job = *admission.job;
  hello_owed_ = std::move(admission.hello);
  caller_.emplace(Caller{.worker = message.hello().worker(),
                         .incarnation = message.hello().incarnation(),
                         .job = admission.job,
                         .tally = admission.tally,
                         .assembly = PushAssembly(job.receive_budget(),
                                                  std::max(job.bytes_in_flight_max(), limits_.bytes_in_flight_raised)),
                         .pulls = PullLine(&job, limits_)});
  return absl::OkStatus();
}

absl::Status Session::HandlePull(const wire::PullRequest& request) {
  if (request.worker() != caller_->worker || request.incarnation() != caller_->incarnation) {
    for (const uint32_t shard : request.shards()) {
      RefusePull(request.ticket(), shard,
                 MakeWireRefusal(
                     wire::Refusal::NOT_OF_THIS_STREAM,
                     absl::StrCat("the pull is of worker ", request.worker(), " incarnation ", request.incarnation(),
                                  ", the stream of worker ", caller_->worker, " incarnation ", caller_->incarnation)));
      DP_RETURN_IF_ERROR(CheckAnswersAreRead());
    }
    return absl::OkStatus();
  }
  if (caller_->pulls.Add(request)) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      "too many shards wait to be pulled on this stream: read the weights before asking for more");
}

void Session::HandlePush(const SlicedPushPiece& piece, bool alone) {
  const wire::PushPiece& header = piece.header;
  if (header.worker() != caller_->worker || header.incarnation() != caller_->incarnation) {
    return RefusePush(piece, MakeWireRefusal(wire::Refusal::NOT_OF_THIS_STREAM,
                                             absl::StrCat("the push is of worker ", header.worker(), " incarnation ",
                                                          header.incarnation(), ", the stream of worker ",
                                                          caller_->worker, " incarnation ", caller_->incarnation)));
  }
  Shard* const shard = caller_->job->shard(header.shard());
  if (shard == nullptr) {
    return RefusePush(piece, MakeWireRefusal(wire::Refusal::UNKNOWN_SHARD,
                                             absl::StrCat("shard ", header.shard(),
                                                          " is none of this server's; fetch the shard map")));
  }
  if (const PieceFault fault = CheckPiece(piece); fault) {
    return RefusePush(piece, MakeWireRefusal(fault.reason, ToStd(fault.status.message())));
  }
  caller_->tally->bytes_received.fetch_add(ByteCount(piece.payload), std::memory_order_relaxed);
  const KeepRule rule{.by_reference = alone && limits_.received_may_stay};
  if (IsWhole(piece)) return HandleWhole(piece, rule);

  if (header.offset() == 0 && header.element_count() != shard->element_count()) {
    // The shard refuses it whatever the rest is, and knows best why.
    PushRequest request = MakePushRequest(header);
    caller_->assembly.Refuse(header);
    return Dispatch(shard, header.shard(), std::move(request));
  }
  PushAssembly::Result result = caller_->assembly.Add(
      piece, {.by_reference = alone && (limits_.received_may_stay || !caller_->job->holds_pushes())});
  switch (result.state) {
    case PushAssembly::State::kMore:
    case PushAssembly::State::kIgnored:
      return;
    case PushAssembly::State::kRefused:
      return AcknowledgeRefused(header, std::move(result.refusal));
    case PushAssembly::State::kWhole:
      return Dispatch(shard, header.shard(), std::move(result.request));
  }
}

void Session::HandleWhole(const SlicedPushPiece& piece, const KeepRule& rule) {
  const wire::PushPiece& header = piece.header;
  caller_->assembly.Forget(header);
  Shard* const shard = caller_->job->shard(header.shard());
  PushRequest request = MakePushRequest(header);
  if (!caller_->job->holds_pushes()) {
    request.slices.assign(piece.payload.begin(), piece.payload.end());
    request.owner = piece.owner;
    return Dispatch(shard, header.shard(), std::move(request));
  }
  auto kept = std::make_shared<KeptPayload>(caller_->job->receive_budget());
  if (!kept->Add(piece, rule)) {
    return RefusePush(piece,
                      MakeWireRefusal(wire::Refusal::SERVER_BUSY,
                                      "no more memory for pushes that wait for others; back off and send again"));
  }
  request.slices = kept->slices();
  request.owner = std::move(kept);
  Dispatch(shard, header.shard(), std::move(request));
}

void Session::Dispatch(Shard* shard, ShardId id, PushRequest request) {
  const uint64_t sequence = request.sequence;
  const absl::Duration begin = SteadyClock::Get().Now();
  PushAnswer answer = shard->Push(std::move(request));
  caller_->job->CountPushTime(id, SteadyClock::Get().Now() - begin);
  host_->Deliver(id, std::move(answer.completions));
  Acknowledge(id, sequence, std::move(answer.outcome));
}

void Session::ReceivedLast() {
  received_last_ = true;
  if (!caller_.has_value() && !ended_) {
    return End(absl::InvalidArgumentError("the stream ended before its first message, which says who calls"));
  }
  link_->Wake();
}

// ---- Answers

void Session::Acknowledge(ShardId shard, uint64_t sequence, PushOutcome outcome) {
  wire::Acknowledgement& answer = acknowledgements_.emplace_back();
  answer.set_shard(shard);
  answer.set_sequence(sequence);
  answer.set_fate(ToWire(outcome.fate));
  answer.set_version(outcome.version);
  answer.set_duplicate(outcome.duplicate);
  if (outcome.refusal) {
    *answer.mutable_refusal() = downpour::ToWire(outcome.refusal);
    caller_->tally->CountRefusal(answer.refusal().reason());
  }
  if (outcome.fate == PushFate::kHeld) held_.emplace(shard, sequence);
}

void Session::RefusePush(const SlicedPushPiece& piece, wire::Refusal refusal) {
  // Of a push in pieces the others are on their way, and are not worth an answer each.
  if (!IsWhole(piece) && !caller_->assembly.Refuse(piece.header)) return;
  AcknowledgeRefused(piece.header, std::move(refusal));
}

void Session::AcknowledgeRefused(const wire::PushPiece& header, wire::Refusal refusal) {
  caller_->tally->CountRefusal(refusal.reason());
  wire::Acknowledgement& answer = acknowledgements_.emplace_back();
  answer.set_shard(header.shard());
  answer.set_sequence(header.sequence());
  answer.set_fate(wire::Acknowledgement::REFUSED);
  *answer.mutable_refusal() = std::move(refusal);
}

void Session::RefusePull(uint64_t ticket, ShardId shard, wire::Refusal refusal) {
  caller_->tally->CountRefusal(refusal.reason());
  wire::PullRefusal& answer = pull_refusals_.emplace_back();
  answer.set_ticket(ticket);
  answer.set_shard(shard);
  *answer.mutable_refusal() = std::move(refusal);
}

absl::Status Session::CheckAnswersAreRead() const {
  if (acknowledgements_.size() + pull_refusals_.size() <= kAnswersMax) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("more than ", kAnswersMax, " answers wait to be read on this stream: read while you send"));
}

void Session::ReadMail() {
  Mailbox::Mail mail = mailbox_->Take();
  if (!mail.end.ok()) return End(std::move(mail.end));
  draining_ |= mail.drain;
  for (auto& [shard, completion] : mail.pushes) {
    held_.erase(PushKey(shard, completion.sequence));
    Acknowledge(shard, completion.sequence, std::move(completion.outcome));
  }
  for (auto& [shard, completion] : mail.pulls) caller_->pulls.Complete(shard, std::move(completion));
}

bool Session::FillAnswers(SlicedServerMessage* message) {
  size_t bytes = 0;
  const size_t acknowledged = MoveAnswers(&acknowledgements_, kAnswersInMessageMax, &bytes,
                                          [message] { return message->rest.add_acknowledgements(); });
  const size_t refused = MoveAnswers(&pull_refusals_, kAnswersInMessageMax - acknowledged, &bytes,
                                     [message] { return message->rest.add_pull_refusals(); });
  return acknowledged + refused > 0;
}

bool Session::Next(SlicedServerMessage* message) {
  if (!ended_ && !mailbox_->empty()) ReadMail();
  if (ended_ || !caller_.has_value()) return false;
  bool any = false;
  if (hello_owed_.has_value()) {
    *message->rest.mutable_hello() = *std::move(hello_owed_);
    hello_owed_.reset();
    any = true;
  }
  any |= FillAnswers(message);
  if (!any) {
    any = caller_->pulls.Fill(message);
    for (const SlicedWeightsPiece& piece : message->pieces) {
      caller_->tally->bytes_sent.fetch_add(ByteCount(piece.payload), std::memory_order_relaxed);
    }
  }
  if (!any) FinishIfDone();
  return any;
}

void Session::FinishIfDone() {
  // A draining server does not wait for what others would have to do first.
  if (draining_) return End(DrainingError());
  if (received_last_ && held_.empty() && caller_->pulls.idle() && !caller_->pulls.waiting()) End(absl::OkStatus());
}

void Session::End(absl::Status status) {
  if (ended_) return;
  ended_ = true;
  if (!status.ok()) {
    DP_LOG_EVERY(WARNING, absl::Seconds(1)) << "exchange with " << peer_ << " ended: " << status;
  }
  link_->Finish(std::move(status));
}

void Session::Closed(const absl::Status& status) {
  ended_ = true;
  mailbox_->Close();
  if (!caller_.has_value()) return;
  DP_LOG(DEBUG) << "exchange with worker " << caller_->worker << " at " << peer_ << " is over: " << status;
  host_->Gone(caller_->worker, mailbox_.get());
  caller_.reset();
  acknowledgements_.clear();
  pull_refusals_.clear();
}

}  // namespace downpour
