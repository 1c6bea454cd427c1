#ifndef DOWNPOUR_SERVER_SERVICE_PUSH_ASSEMBLY_H_
#define DOWNPOUR_SERVER_SERVICE_PUSH_ASSEMBLY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/rpc/sliced_message.h"
#include "server/service/receive_budget.h"
#include "server/shard/push.h"

namespace downpour {

// How a received piece is kept.
struct KeepRule {
  // Bytes of it may stay where they are for long: its message has nothing else in it, so that keeping one does not keep
  // megabytes of others.
  bool by_reference = false;
};

// Payload in order, with what keeps it alive and what it is charged for. Grows piece by piece, then is handed to a
// push, which may keep it as its owner.
class KeptPayload {
 public:
  explicit KeptPayload(std::shared_ptr<ReceiveBudget> budget) : charge_(std::move(budget)) {}

  // False: the budget of all connections is spent.
  [[nodiscard]] bool Add(const SlicedPushPiece& piece, const KeepRule& rule);

  const std::vector<absl::Span<const std::byte>>& slices() const { return slices_; }
  uint64_t bytes() const { return charge_.bytes(); }

 private:
  ReceiveCharge charge_;
  std::vector<absl::Span<const std::byte>> slices_;
  std::vector<std::shared_ptr<const void>> owners_;
};

// A push that is whole: what Shard::Push takes, from the header of any of its pieces.
PushRequest MakePushRequest(const wire::PushPiece& header);

// The pushes of one session of which some pieces have come. Pieces of one push follow one another by rising offset;
// pieces of others may come between. Used by one thread at a time.
class PushAssembly {
 public:
  PushAssembly(std::shared_ptr<ReceiveBudget> budget, uint64_t bytes_max)
      : budget_(std::move(budget)), bytes_max_(bytes_max) {}

  enum class State : uint8_t {
    kMore,     // kept: more has to come
    kWhole,    // `request` is the push
    kRefused,  // everything of the push is thrown away, and what comes of it from now on is ignored until it begins
               // anew
    kIgnored,  // belongs to a push that was refused
  };
  struct Result {
    State state = State::kMore;
    PushRequest request;
    wire::Refusal refusal;
  };

  // A piece that CheckPiece found nothing wrong with, and that is not the whole of its push.
  Result Add(const SlicedPushPiece& piece, const KeepRule& rule);

  // The push is refused for another reason: ignores what comes of it until it begins anew. False: it is ignored
  // already, and needs no other answer.
  bool Refuse(const wire::PushPiece& header);

  // The push came as one piece: nothing of it is needed any more.
  void Forget(const wire::PushPiece& header) {
    if (!pushes_.empty()) Erase(KeyOf(header));
  }

  // Bytes of all pushes that are not whole.
  uint64_t bytes() const { return bytes_; }

 private:
  using Key = std::pair<uint32_t, uint64_t>;  // shard and sequence
  struct Push {
    wire::PushPiece header;                // of the first piece
    std::shared_ptr<KeptPayload> payload;  // null: refused
  };

  static Key KeyOf(const wire::PushPiece& header) { return {header.shard(), header.sequence()}; }
  void Erase(const Key& key);
  bool HasRoom();
  Result Refused(const wire::PushPiece& header, wire::Refusal::Reason reason, const std::string& message);

  const std::shared_ptr<ReceiveBudget> budget_;
  const uint64_t bytes_max_;
  uint64_t bytes_ = 0;
  absl::flat_hash_map<Key, Push> pushes_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_PUSH_ASSEMBLY_H_
