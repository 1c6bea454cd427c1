#include "common/rpc/codec_reference.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/data_plane_decoder.h"
#include "common/rpc/data_plane_encoder.h"
#include "common/rpc/limits.h"
#include "google/protobuf/stubs/logging.h"

namespace downpour::testing {
namespace {

// Copies the pieces of a sliced message to a repeated field.
template <typename Pieces, typename Field>
void AddPlain(const Pieces& pieces, Field* field) {
  for (const auto& piece : pieces) {
    auto* plain = field->Add();
    *plain = piece.header;
    std::string payload;
    for (const absl::Span<const std::byte> run : piece.payload) {
      payload.append(reinterpret_cast<const char*>(run.data()), run.size());
    }
    plain->set_payload(std::move(payload));
  }
}

// The same back.
template <typename Field, typename Pieces>
void AddSliced(Field* field, Pieces* pieces) {
  for (auto& plain : *field) {
    auto& piece = pieces->emplace_back();
    auto payload = std::make_shared<const std::string>(std::move(*plain.mutable_payload()));
    plain.clear_payload();
    piece.header = std::move(plain);
    if (payload->empty()) continue;
    piece.payload.emplace_back(reinterpret_cast<const std::byte*>(payload->data()), payload->size());
    piece.owner = std::move(payload);
  }
  field->Clear();
}

template <typename Plain, typename Sliced>
std::string Complaint(const std::string& bytes, const absl::StatusOr<Sliced>& decoded,
                      absl::StatusOr<std::vector<grpc::Slice>> (*encode)(const Sliced&)) {
  Plain expected;
  const bool accepted = expected.ParseFromString(bytes);
  if (!decoded.ok()) {
    if (!accepted || absl::IsResourceExhausted(decoded.status())) return "";
    return absl::StrCat("protobuf accepts what we refuse: ", decoded.status().ToString());
  }
  if (!accepted) return "protobuf refuses what we accept";
  if (ToPlain(*decoded).SerializeAsString() != expected.SerializeAsString()) return "decoded to something else";

  const absl::StatusOr<std::vector<grpc::Slice>> encoded = encode(*decoded);
  if (!encoded.ok()) {
    // A negative enumerator has 5 bytes where it was cut to 32 bits and 10 in the canonical encoding.
    if (bytes.size() > kOverheadBytesMax / 2) return "";
    return absl::StrCat("cannot be encoded: ", encoded.status().ToString());
  }
  Plain again;
  if (!again.ParseFromString(Join(*encoded))) return "protobuf refuses what we encode";
  if (again.SerializeAsString() != expected.SerializeAsString()) return "encoded to something else";
  return "";
}

// Small numbers and large ones alike.
uint64_t RandomNumber(PhiloxStream* random) {
  const uint64_t shift = (*random)() % 65;
  return shift == 64 ? 0 : (*random)() >> shift;
}

bool Sometimes(PhiloxStream* random) { return (*random)() % 4 == 0; }

std::string RandomBytes(size_t size_max, PhiloxStream* random) {
  std::string bytes((*random)() % (size_max + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>((*random)());
  return bytes;
}

std::string RandomPayload(PhiloxStream* random) {
  return RandomBytes(Sometimes(random) ? 3 * kCopiedPayloadBytesMax : 64, random);
}

void RandomReference(wire::SharedPayload* reference, PhiloxStream* random) {
  reference->set_slot(RandomNumber(random));
  reference->set_generation(RandomNumber(random));
  reference->set_offset(RandomNumber(random));
  reference->set_length(RandomNumber(random));
}

void RandomRefusal(wire::Refusal* refusal, PhiloxStream* random) {
  refusal->set_reason(static_cast<wire::Refusal::Reason>((*random)() % 40));
  refusal->set_message(std::string((*random)() % 200, 'a'));
}

}  // namespace

wire::ClientMessage ToPlain(const SlicedClientMessage& message) {
  wire::ClientMessage plain = message.rest;
  AddPlain(message.pieces, plain.mutable_pushes());
  return plain;
}

wire::ServerMessage ToPlain(const SlicedServerMessage& message) {
  wire::ServerMessage plain = message.rest;
  AddPlain(message.pieces, plain.mutable_weights());
  return plain;
}

SlicedClientMessage ToSliced(wire::ClientMessage message) {
  SlicedClientMessage sliced;
  AddSliced(message.mutable_pushes(), &sliced.pieces);
  sliced.rest = std::move(message);
  return sliced;
}

SlicedServerMessage ToSliced(wire::ServerMessage message) {
  SlicedServerMessage sliced;
  AddSliced(message.mutable_weights(), &sliced.pieces);
  sliced.rest = std::move(message);
  return sliced;
}

std::vector<grpc::Slice> CutAt(std::string_view bytes, absl::Span<const size_t> cuts) {
  std::vector<grpc::Slice> slices;
  size_t begin = 0;
  for (const size_t cut : cuts) {
    slices.emplace_back(bytes.data() + begin, cut - begin);
    begin = cut;
  }
  slices.emplace_back(bytes.data() + begin, bytes.size() - begin);
  return slices;
}

std::vector<grpc::Slice> CutByContent(std::string_view bytes) {
  // FNV-1a, so that the smallest change of the bytes moves the cuts.
  uint64_t hash = 14695981039346656037u;
  for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 1099511628211u;
  std::vector<size_t> cuts((hash >> 60) % 5);
  for (size_t& cut : cuts) {
    hash *= 6364136223846793005u;
    cut = (hash >> 32) % (bytes.size() + 1);
  }
  std::sort(cuts.begin(), cuts.end());
  return CutAt(bytes, cuts);
}

std::string Join(absl::Span<const grpc::Slice> slices) {
  std::string bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

std::string ComplaintOfClientMessage(const std::vector<grpc::Slice>& slices) {
  const google::protobuf::LogSilencer silencer;  // it writes a line for each string that is not UTF-8
  return Complaint<wire::ClientMessage>(Join(slices), DecodeClientMessage(slices), EncodeClientMessage);
}

std::string ComplaintOfServerMessage(const std::vector<grpc::Slice>& slices) {
  const google::protobuf::LogSilencer silencer;  // it writes a line for each string that is not UTF-8
  return Complaint<wire::ServerMessage>(Join(slices), DecodeServerMessage(slices), EncodeServerMessage);
}

wire::ClientMessage RandomClientMessage(PhiloxStream* random) {
  wire::ClientMessage message;
  if (Sometimes(random)) {
    message.mutable_hello()->set_version(RandomNumber(random));
    message.mutable_hello()->set_version_min(RandomNumber(random));
    message.mutable_hello()->set_job_fingerprint(RandomBytes(32, random));
    message.mutable_hello()->set_worker(RandomNumber(random));
    message.mutable_hello()->set_incarnation(RandomNumber(random));
    message.mutable_hello()->set_host_identity(RandomBytes(16, random));
  }
  for (uint64_t pulls = (*random)() % 3; pulls > 0; --pulls) {
    wire::PullRequest* pull = message.add_pulls();
    pull->set_ticket(RandomNumber(random));
    pull->set_epoch(RandomNumber(random));
    pull->set_worker(RandomNumber(random));
    pull->set_incarnation(RandomNumber(random));
    pull->set_clock(RandomNumber(random));
    for (uint64_t shards = (*random)() % 5; shards > 0; --shards) pull->add_shards(RandomNumber(random));
    pull->set_want_average(Sometimes(random));
  }
  for (uint64_t pushes = (*random)() % 4; pushes > 0; --pushes) {
    wire::PushPiece* push = message.add_pushes();
    if (Sometimes(random)) continue;
    push->set_shard(RandomNumber(random));
    push->set_epoch(RandomNumber(random));
    push->set_worker(RandomNumber(random));
    push->set_incarnation(RandomNumber(random));
    push->set_sequence(RandomNumber(random));
    push->set_clock(RandomNumber(random));
    push->set_version_pulled(RandomNumber(random));
    push->set_dtype(static_cast<DataType>(RandomNumber(random)));
    push->set_element_count(RandomNumber(random));
    push->set_total_bytes(RandomNumber(random));
    push->set_offset(RandomNumber(random));
    if (Sometimes(random)) push->set_table_gradient_norm(std::bit_cast<double>(RandomNumber(random)));
    if (Sometimes(random)) RandomReference(push->mutable_shared_payload(), random);
    push->set_payload(RandomPayload(random));
  }
  return message;
}

wire::ServerMessage RandomServerMessage(PhiloxStream* random) {
  wire::ServerMessage message;
  if (Sometimes(random)) {
    message.mutable_hello()->set_version(RandomNumber(random));
    message.mutable_hello()->set_server_incarnation(RandomNumber(random));
    message.mutable_hello()->set_epoch(RandomNumber(random));
    message.mutable_hello()->set_bytes_in_flight_max(RandomNumber(random));
    if (Sometimes(random)) {
      message.mutable_hello()->mutable_shared_memory()->set_socket_name(std::string((*random)() % 40, 's'));
      message.mutable_hello()->mutable_shared_memory()->set_nonce(RandomBytes(16, random));
    }
  }
  for (uint64_t count = (*random)() % 4; count > 0; --count) {
    wire::Acknowledgement* acknowledgement = message.add_acknowledgements();
    acknowledgement->set_shard(RandomNumber(random));
    acknowledgement->set_sequence(RandomNumber(random));
    acknowledgement->set_fate(static_cast<wire::Acknowledgement::Fate>((*random)() % 6));
    acknowledgement->set_version(RandomNumber(random));
    acknowledgement->set_duplicate(Sometimes(random));
    if (Sometimes(random)) RandomRefusal(acknowledgement->mutable_refusal(), random);
  }
  if (Sometimes(random)) {
    wire::PullRefusal* refusal = message.add_pull_refusals();
    refusal->set_ticket(RandomNumber(random));
    refusal->set_shard(RandomNumber(random));
    RandomRefusal(refusal->mutable_refusal(), random);
  }
  for (uint64_t count = (*random)() % 4; count > 0; --count) {
    wire::WeightsPiece* weights = message.add_weights();
    weights->set_ticket(RandomNumber(random));
    weights->set_shard(RandomNumber(random));
    weights->set_version(RandomNumber(random));
    weights->set_clock(RandomNumber(random));
    weights->set_dtype(static_cast<DataType>(RandomNumber(random)));
    weights->set_element_count(RandomNumber(random));
    weights->set_total_bytes(RandomNumber(random));
    weights->set_offset(RandomNumber(random));
    if (Sometimes(random)) RandomReference(weights->mutable_shared_payload(), random);
    weights->set_payload(RandomPayload(random));
  }
  return message;
}

}  // namespace downpour::testing
