#include "server/service/pull_line.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/rpc/data_plane_encoder.h"
#include "server/service/wire_refusal.h"

namespace downpour {
namespace {

// Shards that may wait to be asked, even where the server has few.
constexpr size_t kShardsInLineMax = size_t{1} << 16;

// Answers that came while others were being sent are kept up to this, for small models; larger ones are asked again.
constexpr size_t kKeptBytesMax = size_t{4} << 20;

// Entries of one message: well below kEntriesMax and, with refusals of 1 KiB, below kOverheadBytesMax.
constexpr int kPiecesMax = 4096;
constexpr int kRefusalsMax = 256;

}  // namespace

bool PullLine::Add(const wire::PullRequest& request) {
  const size_t count = static_cast<size_t>(request.shards_size());
  if (count == 0) return true;
  // Every shard of the server may be asked for twice, however many it has.
  const size_t limit = std::max(kShardsInLineMax, 2 * job_->own_shards().size());
  if (count > limit - std::min(shards_in_line_, limit)) return false;
  Entry entry;
  entry.request.epoch = request.epoch();
  entry.request.worker = request.worker();
  entry.request.incarnation = request.incarnation();
  entry.request.clock = request.clock();
  entry.request.ticket = request.ticket();
  entry.request.want_average = request.want_average();
  entry.shards = request.shards();
  shards_in_line_ += count;
  line_.push_back(std::move(entry));
  return true;
}

void PullLine::Complete(ShardId shard, PullCompletion completion) {
  const auto waited = waiting_.find(WaitKey(completion.ticket, shard));
  if (waited == waiting_.end()) return;  // asked on an earlier stream: it is asked again on this one
  Entry entry;
  entry.request = waited->second;
  entry.shards.Add(shard);
  waiting_.erase(waited);
  const size_t bytes = completion.outcome.weights.values.element_count * sizeof(float);
  if (bytes_kept_ + bytes <= kKeptBytesMax) {
    bytes_kept_ += bytes;
    entry.outcome = std::make_shared<PullOutcome>(std::move(completion.outcome));
  }
  ++shards_in_line_;
  line_.push_back(std::move(entry));
}

bool PullLine::Full(const SlicedServerMessage& message) {
  return message.pieces.size() >= kPiecesMax || message.rest.pull_refusals_size() >= kRefusalsMax;
}

void PullLine::Start(const PullRequest& request, ShardId shard, PullOutcome outcome) {
  Answer answer;
  answer.ticket = request.ticket;
  answer.shard = shard;
  answer.version = outcome.weights.version;
  answer.clock = outcome.clock;
  answer.values = std::make_shared<const Snapshot>(std::move(outcome.weights.values));
  answer.total_bytes = answer.values->element_count * sizeof(float);
  current_ = std::move(answer);
}

bool PullLine::StartNext(SlicedServerMessage* message) {
  while (!line_.empty() && !Full(*message)) {
    Entry& entry = line_.front();
    const ShardId shard = entry.shards[entry.next];
    const PullRequest request = entry.request;
    const std::shared_ptr<PullOutcome> kept = std::move(entry.outcome);
    if (++entry.next == entry.shards.size()) line_.pop_front();
    --shards_in_line_;

    PullOutcome outcome;
    wire::Refusal refusal;
    Shard* const store = job_->shard(shard);
    if (store == nullptr) {
      refusal = MakeWireRefusal(wire::Refusal::UNKNOWN_SHARD,
                                absl::StrCat("shard ", shard, " is none of this server's; fetch the shard map"));
    } else {
      if (kept != nullptr) {
        bytes_kept_ -= kept->weights.values.element_count * sizeof(float);
        outcome = std::move(*kept);
      } else {
        outcome = store->Pull(request);
      }
      if (outcome.fate == PullFate::kAnswered) {
        Start(request, shard, std::move(outcome));
        return true;
      }
      if (outcome.fate == PullFate::kWaiting) {
        waiting_[WaitKey(request.ticket, shard)] = request;
        continue;
      }
      refusal = ToWire(outcome.refusal);
    }
    wire::PullRefusal* const refused = message->rest.add_pull_refusals();
    refused->set_ticket(request.ticket);
    refused->set_shard(shard);
    *refused->mutable_refusal() = std::move(refusal);
  }
  return false;
}

SlicedWeightsPiece PullLine::Cut(size_t bytes) {
  constexpr size_t kBlockBytes = kBlockElements * sizeof(float);
  SlicedWeightsPiece piece;
  piece.header.set_ticket(current_->ticket);
  piece.header.set_shard(current_->shard);
  piece.header.set_version(current_->version);
  piece.header.set_clock(current_->clock);
  piece.header.set_dtype(FLOAT32);
  piece.header.set_element_count(current_->values->element_count);
  piece.header.set_total_bytes(current_->total_bytes);
  piece.header.set_offset(current_->offset);
  piece.owner = current_->values;
  for (uint64_t at = current_->offset; bytes > 0;) {
    const std::span<const std::byte> block = std::as_bytes(current_->values->block(at / kBlockBytes));
    const std::span<const std::byte> rest = block.subspan(at % kBlockBytes);
    const size_t taken = std::min(bytes, rest.size());
    piece.payload.emplace_back(rest.data(), taken);
    at += taken;
    bytes -= taken;
  }
  return piece;
}

bool PullLine::Fill(SlicedServerMessage* message) {
  size_t message_bytes = 0;
  while (!Full(*message)) {
    if (!current_.has_value() && !StartNext(message)) break;
    const size_t bytes = std::min<uint64_t>(limits_.piece_bytes, current_->total_bytes - current_->offset);
    SlicedWeightsPiece piece = Cut(bytes);
    const size_t encoded = EncodedSize(piece);
    if (message_bytes > 0 && message_bytes + encoded > limits_.coalesced_bytes) break;  // it is cut again next time
    message_bytes += encoded;
    message->pieces.push_back(std::move(piece));
    current_->offset += bytes;
    if (current_->offset == current_->total_bytes) current_.reset();
  }
  return !message->pieces.empty() || message->rest.pull_refusals_size() > 0;
}

}  // namespace downpour
