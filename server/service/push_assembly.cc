#include "server/service/push_assembly.h"

#include <bit>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/tensor/wire_dtype.h"
#include "server/service/wire_refusal.h"

namespace downpour {
namespace {

// Smaller pieces are copied: they may pin as much that is not theirs.
constexpr size_t kReferredBytesMin = size_t{256} << 10;

// Pushes of which some pieces have come, and those that are ignored.
constexpr size_t kPushesMax = 4096;

bool SameButOffset(const wire::PushPiece& a, const wire::PushPiece& b) {
  return a.shard() == b.shard() && a.epoch() == b.epoch() && a.worker() == b.worker() &&
         a.incarnation() == b.incarnation() && a.sequence() == b.sequence() && a.clock() == b.clock() &&
         a.version_pulled() == b.version_pulled() && a.dtype() == b.dtype() && a.element_count() == b.element_count() &&
         a.total_bytes() == b.total_bytes() && a.has_table_gradient_norm() == b.has_table_gradient_norm() &&
         // As bits: a NaN is the same as itself, and it is for the shard to refuse it.
         std::bit_cast<uint64_t>(a.table_gradient_norm()) == std::bit_cast<uint64_t>(b.table_gradient_norm());
}

}  // namespace

bool KeptPayload::Add(const SlicedPushPiece& piece, const KeepRule& rule) {
  const size_t bytes = ByteCount(piece.payload);
  if (!charge_.TryAdd(bytes)) return false;
  if (rule.by_reference && bytes >= kReferredBytesMin) {
    slices_.insert(slices_.end(), piece.payload.begin(), piece.payload.end());
    owners_.push_back(piece.owner);
    return true;
  }
  const std::shared_ptr<std::byte[]> copy = std::make_shared_for_overwrite<std::byte[]>(bytes);
  size_t at = 0;
  for (const absl::Span<const std::byte> run : piece.payload) {
    if (!run.empty()) std::memcpy(copy.get() + at, run.data(), run.size());
    at += run.size();
  }
  slices_.emplace_back(copy.get(), bytes);
  owners_.push_back(copy);
  return true;
}

PushRequest MakePushRequest(const wire::PushPiece& header) {
  PushRequest request;
  request.epoch = header.epoch();
  request.worker = header.worker();
  request.incarnation = header.incarnation();
  request.sequence = header.sequence();
  request.clock = header.clock();
  request.version_pulled = header.version_pulled();
  // CheckPiece has refused the types that we do not know.
  request.dtype = FromWireDType(header.dtype()).value_or(DType::kFloat32);
  request.element_count = header.element_count();
  if (header.has_table_gradient_norm()) request.table_gradient_norm = header.table_gradient_norm();
  return request;
}

void PushAssembly::Erase(const Key& key) {
  const auto found = pushes_.find(key);
  if (found == pushes_.end()) return;
  if (found->second.payload != nullptr) bytes_ -= found->second.payload->bytes();
  pushes_.erase(found);
}

bool PushAssembly::HasRoom() {
  if (pushes_.size() < kPushesMax) return true;
  // Of a refused push the rest may never come.
  absl::erase_if(pushes_, [](const auto& entry) { return entry.second.payload == nullptr; });
  return pushes_.size() < kPushesMax;
}

bool PushAssembly::Refuse(const wire::PushPiece& header) {
  const auto found = pushes_.find(KeyOf(header));
  if (found != pushes_.end() && found->second.payload == nullptr && header.offset() > 0) return false;
  Erase(KeyOf(header));
  if (HasRoom()) pushes_[KeyOf(header)];
  return true;
}

PushAssembly::Result PushAssembly::Refused(const wire::PushPiece& header, wire::Refusal::Reason reason,
                                           const std::string& message) {
  Refuse(header);
  Result result;
  result.state = State::kRefused;
  result.refusal = MakeWireRefusal(reason, message);
  return result;
}

PushAssembly::Result PushAssembly::Add(const SlicedPushPiece& piece, const KeepRule& rule) {
  const wire::PushPiece& header = piece.header;
  const uint64_t bytes = ByteCount(piece.payload);
  const Key key = KeyOf(header);
  if (header.offset() == 0) Erase(key);
  const auto found = pushes_.find(key);
  if (found == pushes_.end()) {
    if (header.offset() > 0) {
      return Refused(header, wire::Refusal::BYTE_COUNT,
                     absl::StrCat("push ", header.sequence(), " to shard ", header.shard(), " begins at offset ",
                                  header.offset(), "; send it from 0 on, by rising offset"));
    }
    if (!HasRoom()) {
      return Refused(header, wire::Refusal::SERVER_BUSY,
                     absl::StrCat(kPushesMax, " pushes are on their way in pieces on this stream; finish some first"));
    }
  } else if (found->second.payload == nullptr) {
    if (header.offset() + bytes == header.total_bytes()) pushes_.erase(found);
    Result ignored;
    ignored.state = State::kIgnored;
    return ignored;
  }

  Push& push = found != pushes_.end() ? found->second : pushes_[key];
  if (push.payload == nullptr) {
    push.header = header;
    push.payload = std::make_shared<KeptPayload>(budget_);
  } else if (!SameButOffset(push.header, header) || header.offset() != push.payload->bytes()) {
    const uint64_t expected = push.payload->bytes();
    return Refused(header, wire::Refusal::BYTE_COUNT,
                   absl::StrCat("the piece of push ", header.sequence(), " to shard ", header.shard(), " at offset ",
                                header.offset(), " does not go on from its others, of which there are ", expected,
                                " bytes: pieces follow one another, and differ in offset and payload only"));
  }
  if (bytes > bytes_max_ - bytes_) {
    return Refused(header, wire::Refusal::SERVER_BUSY,
                   absl::StrCat("more than ", bytes_max_, " bytes are on their way on this stream; send less at once"));
  }
  if (!push.payload->Add(piece, rule)) {
    return Refused(header, wire::Refusal::SERVER_BUSY,
                   absl::StrCat("the server keeps ", budget_->taken() >> 20,
                                " MiB of received pushes, which is all it may; back off and send again"));
  }
  bytes_ += bytes;
  if (push.payload->bytes() < header.total_bytes()) return {};

  Result result;
  result.state = State::kWhole;
  result.request = MakePushRequest(header);
  result.request.slices = push.payload->slices();
  result.request.owner = push.payload;
  Erase(key);
  return result;
}

}  // namespace downpour
