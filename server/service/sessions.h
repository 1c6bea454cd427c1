#ifndef DOWNPOUR_SERVER_SERVICE_SESSIONS_H_
#define DOWNPOUR_SERVER_SERVICE_SESSIONS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "common/base/mutex.h"
#include "server/service/mailbox.h"
#include "server/service/stream_tally.h"

namespace downpour {

// Which worker is reached by which session: one for each worker, the newest. Thread-safe.
class Sessions {
 public:
  // The session of `mailbox` is the worker's from now on; the one before ends with ABORTED. False, and nothing has
  // changed, where that one is of a larger incarnation.
  [[nodiscard]] bool TakePlace(WorkerId worker, uint64_t incarnation, std::shared_ptr<Mailbox> mailbox);

  // No effect unless it is still the worker's.
  void Remove(WorkerId worker, const Mailbox* mailbox);

  // Gives each completion to the session of its worker and incarnation, or throws it away where there is none.
  void Deliver(ShardId shard, Completions completions);

  // Of all streams that the worker has had; made when first asked for.
  std::shared_ptr<StreamTally> TallyOf(WorkerId worker);
  struct Seen {
    std::shared_ptr<const StreamTally> tally;
    std::string peer;  // of the stream that is open; empty: none is
  };
  // Null tally: it never had a stream.
  Seen See(WorkerId worker) const;

  void DrainAll();
  size_t size() const;

 private:
  struct Place {
    uint64_t incarnation = 0;
    std::shared_ptr<Mailbox> mailbox;
  };

  std::shared_ptr<Mailbox> Find(WorkerId worker, uint64_t incarnation) const;

  mutable Mutex mutex_;
  absl::flat_hash_map<WorkerId, Place> places_ DP_GUARDED_BY(mutex_);
  absl::flat_hash_map<WorkerId, std::shared_ptr<StreamTally>> tallies_ DP_GUARDED_BY(mutex_);
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_SESSIONS_H_
