#include "server/service/wire_refusal.h"

#include <string>

#include "common/base/string_view.h"
#include "common/rpc/limits.h"

namespace downpour {
namespace {

// The wire has the numbers of RefusalReason, and more after them.
static_assert(static_cast<int>(RefusalReason::kNone) == wire::Refusal::REASON_UNSPECIFIED);
static_assert(static_cast<int>(RefusalReason::kEpochStale) == wire::Refusal::EPOCH_STALE);
static_assert(static_cast<int>(RefusalReason::kTooManyPulls) == wire::Refusal::TOO_MANY_PULLS);
static_assert(kRefusalReasonCount == wire::Refusal::UNKNOWN_SHARD);

}  // namespace

wire::Refusal MakeWireRefusal(wire::Refusal::Reason reason, std::string_view message) {
  size_t bytes = message.size();
  if (bytes > kRefusalMessageBytesMax) {
    bytes = kRefusalMessageBytesMax;
    while (bytes > 0 && (message[bytes] & 0xC0) == 0x80) --bytes;  // not within a character
  }
  wire::Refusal refusal;
  refusal.set_reason(reason);
  refusal.set_message(std::string(message.substr(0, bytes)));
  return refusal;
}

wire::Refusal ToWire(const Refusal& refusal) {
  return MakeWireRefusal(static_cast<wire::Refusal::Reason>(refusal.reason), ToStd(refusal.status.message()));
}

}  // namespace downpour
