#include <algorithm>
#include <array>
#include <utility>

#include "common/rpc/limits.h"
#include "common/tensor/wire_dtype.h"
#include "worker/client/client_core.h"

namespace downpour {
namespace {

// So much weight may be asked for and not be there yet: one piece is being read while the next is being written. More
// falls out of the caches on its way, and what is urgent waits behind it. Two shards may always be asked for.
constexpr uint64_t kAskedBytesMax = 2 * kPieceBytes;

// Of one message: a piece's header takes less than 100 bytes of kOverheadBytesMax, an asked shard less than 10.
constexpr size_t kPiecesMax = 4096;
constexpr int kAskedShardsMax = 4096;
static_assert(kPiecesMax * 100 + kAskedShardsMax * 10 < kOverheadBytesMax);
static_assert(kPiecesMax < kEntriesMax);

// What an empty gradient is made of.
absl::Span<const std::byte> Zeros() {
  static const std::array<std::byte, 256 << 10> zeros = {};
  return zeros;
}

PayloadRuns RunsOf(const Gradient& gradient, uint64_t first_byte, uint64_t bytes) {
  PayloadRuns runs;
  if (!gradient.zeros) {
    runs.push_back(gradient.values.subspan(first_byte, bytes));
    return runs;
  }
  while (bytes > 0) {
    const absl::Span<const std::byte> run = Zeros().subspan(0, bytes);
    runs.push_back(run);
    bytes -= run.size();
  }
  return runs;
}

}  // namespace

struct ClientCore::CutPiece {
  PayloadRuns runs;
  std::shared_ptr<const void> owner;
  ShardId shard = 0;
  uint32_t worker = 0;
  DType dtype = DType::kFloat32;
  bool has_norm = false;
  double norm = 0;
  uint64_t incarnation = 0;
  uint64_t epoch = 0;
  uint64_t sequence = 0;
  uint64_t clock = 0;
  uint64_t version_pulled = 0;
  uint64_t element_count = 0;
  uint64_t total_bytes = 0;
  uint64_t offset = 0;
};

void ClientCore::WriteHello(SlicedClientMessage* message) const {
  wire::ClientHello& hello = *message->rest.mutable_hello();
  hello.set_version(kProtocolVersion);
  hello.set_version_min(kProtocolVersionMin);
  hello.set_job_fingerprint(options_.job_fingerprint);
  hello.set_worker(options_.worker);
  hello.set_incarnation(incarnation_);
}

void ClientCore::AskForWeights(ServerState* server, SlicedClientMessage* message) {
  wire::PullRequest* request = nullptr;
  for (int asked = 0; asked < kAskedShardsMax && !server->pulls.empty(); ++asked) {
    ShardPull* const pull = static_cast<ShardPull*>(server->pulls.front());
    if (server->asked + pull->total_bytes > std::max(kAskedBytesMax, 2 * pull->total_bytes)) return;
    server->pulls.PopFront();
    server->asked += pull->total_bytes;
    server->sent.insert(pull);
    asked_[{pull->operation->ticket, pull->shard}] = pull;
    counters_.resends += pull->was_sent;
    pull->was_sent = true;
    pull->sent_at = Now();
    pull->state = RequestState::kSent;
    pull->received = 0;
    pull->version = 0;
    if (request == nullptr || request->ticket() != pull->operation->ticket) {
      request = message->rest.add_pulls();
      request->set_ticket(pull->operation->ticket);
      request->set_epoch(map_->epoch());
      request->set_worker(options_.worker);
      request->set_incarnation(incarnation_);
      request->set_clock(pull->operation->options.clock);
      request->set_want_average(pull->operation->options.want_average);
    }
    request->add_shards(pull->shard);
  }
}

ClientCore::CutPiece ClientCore::Cut(ShardPush* push, uint64_t bytes) {
  const OpenOperation::GradientState& state = push->operation->gradients[push->gradient];
  if (push->offset == 0) {
    push->epoch = map_->epoch();  // all pieces say the same
    counters_.resends += push->was_sent;
    push->was_sent = true;
    push->sent_at = Now();
  }
  CutPiece cut;
  cut.runs = RunsOf(state.gradient, push->first_byte + push->offset, bytes);
  cut.owner = state.gradient.owner;
  cut.shard = push->shard;
  cut.worker = options_.worker;
  cut.dtype = state.gradient.dtype;
  cut.has_norm = state.has_norm;
  cut.norm = state.norm;
  cut.incarnation = incarnation_;
  cut.epoch = push->epoch;
  cut.sequence = push->sequence;
  cut.clock = push->operation->options.clock;
  cut.version_pulled = push->version_pulled;
  cut.element_count = push->element_count;
  cut.total_bytes = push->total_bytes;
  cut.offset = push->offset;
  push->offset += bytes;
  push->in_flight += bytes;
  return cut;
}

void ClientCore::CutPushes(ServerState* server, std::vector<CutPiece>* cut) {
  const ExchangeLimits limits = server->carrier->limits();
  uint64_t message_bytes = 0;
  while (!server->pushes.empty() && cut->size() < kPiecesMax) {
    ShardPush* const push = static_cast<ShardPush*>(server->pushes.front());
    const uint64_t bytes = std::min<uint64_t>(push->total_bytes - push->offset, limits.piece_bytes);
    // A large piece has a message of its own.
    if (message_bytes > 0 &&
        (message_bytes > limits.coalesced_bytes || bytes > limits.coalesced_bytes - message_bytes)) {
      return;
    }
    // A push that is larger than the limit goes alone: it cannot be acknowledged before it is whole.
    if (server->in_flight + bytes > server->in_flight_max && server->in_flight > push->in_flight) return;
    cut->push_back(Cut(push, bytes));
    message_bytes += bytes;
    server->in_flight += bytes;
    if (push->offset == push->total_bytes) {
      server->pushes.PopFront();
      push->state = RequestState::kSent;
      server->sent.insert(push);
    }
  }
}

void ClientCore::WritePiece(CutPiece cut, SlicedClientMessage* message) const {
  SlicedPushPiece& piece = message->pieces.emplace_back();
  wire::PushPiece& header = piece.header;
  header.set_shard(cut.shard);
  header.set_epoch(cut.epoch);
  header.set_worker(cut.worker);
  header.set_incarnation(cut.incarnation);
  header.set_sequence(cut.sequence);
  header.set_clock(cut.clock);
  header.set_version_pulled(cut.version_pulled);
  header.set_dtype(ToWireDType(cut.dtype));
  header.set_element_count(cut.element_count);
  header.set_total_bytes(cut.total_bytes);
  header.set_offset(cut.offset);
  if (cut.has_norm) header.set_table_gradient_norm(cut.norm);
  piece.payload = std::move(cut.runs);
  piece.owner = std::move(cut.owner);
}

bool ClientCore::NextMessage(const ServerStream* stream, SlicedClientMessage* message) {
  std::vector<CutPiece> cut;
  {
    MutexLock lock(&mutex_);
    ServerState* const server = Find(stream);
    if (server == nullptr) return false;
    if (!server->hello_sent) {
      server->hello_sent = true;
      WriteHello(message);
      return true;
    }
    if (!server->ready) return false;
    AskForWeights(server, message);
    CutPushes(server, &cut);
  }
  message->pieces.reserve(cut.size());
  for (CutPiece& piece : cut) WritePiece(std::move(piece), message);
  return !message->pieces.empty() || message->rest.pulls_size() > 0;
}

}  // namespace downpour
