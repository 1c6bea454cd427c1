#ifndef DOWNPOUR_SERVER_MEMBERSHIP_MEMBERS_H_
#define DOWNPOUR_SERVER_MEMBERSHIP_MEMBERS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/consistency/policy.h"

namespace downpour {

// So many workers a server remembers, those that have left included.
inline constexpr size_t kMembersMax = size_t{1} << 16;

// The workers of a job as one server knows them: the last incarnation of each, whether it lives, how far it is, and
// when it was last heard of. Rules on who may join; the shards are told by whoever asks here (server/service).
//
// An incarnation that has left never comes back, even if its Join arrives after its Leave: a Leave is remembered
// whether or not the incarnation has been seen.
//
// An interface, so that a service outside may keep it for several servers. Pure: times are handed in, as a Clock gives
// them. Not thread-safe.
class Membership {
 public:
  virtual ~Membership() = default;

  struct Member {
    uint64_t incarnation = 0;  // the last that joined
    bool live = false;
    uint64_t left = 0;        // the last that left; may be one that has not joined here
    uint64_t join_clock = 0;  // that it was told to start from
    uint64_t clock = 0;       // steps that it has finished, as it said last
    absl::Duration heard;
    absl::Duration joined;  // the last incarnation
    bool dead = false;      // the last incarnation did not leave but was given up
    uint32_t deaths = 0;    // incarnations that were
  };

  // Larger than every incarnation of this worker so far.
  virtual uint64_t NextIncarnation(WorkerId worker) const = 0;

  // Whether the worker may join with this incarnation: FAILED_PRECONDITION for one that is smaller than the last or has
  // left, INVALID_ARGUMENT for 0 and the largest number, RESOURCE_EXHAUSTED beyond kMembersMax. OK for the one that is
  // joined already (a retry).
  virtual absl::Status CheckJoin(WorkerId worker, uint64_t incarnation) const = 0;

  // Requires that CheckJoin found nothing. A retry only counts as heard.
  virtual void Join(WorkerId worker, uint64_t incarnation, uint64_t clock, absl::Duration now) = 0;

  // False: that incarnation was not live, and nobody has to be told.
  virtual bool Leave(WorkerId worker, uint64_t incarnation) = 0;
  // The same of one that has fallen silent.
  virtual bool GiveUp(WorkerId worker, uint64_t incarnation) = 0;

  // The worker lives, and is so far. FAILED_PRECONDITION unless that very incarnation is joined; ABORTED where a larger
  // one has taken its place.
  virtual absl::Status Heard(WorkerId worker, uint64_t incarnation, std::optional<uint64_t> clock,
                             absl::Duration now) = 0;

  // Whether that very incarnation is joined; statuses as of Heard().
  virtual absl::Status CheckLive(WorkerId worker, uint64_t incarnation) const = 0;

  struct Silent {
    WorkerId worker = 0;
    uint64_t incarnation = 0;
    absl::Duration silence;
  };
  // Live ones that were not heard of for longer than `limit`. The caller makes them leave.
  virtual std::vector<Silent> SilentFor(absl::Duration limit, absl::Duration now) const = 0;

  // Nobody could be heard during `pause`: this process stood still.
  virtual void Excuse(absl::Duration pause) = 0;

  // The smallest clock of the live workers; 0 where there are none.
  virtual uint64_t clock_min() const = 0;
  virtual size_t live_count() const = 0;
  virtual const Member* Find(WorkerId worker) const = 0;
  virtual const std::map<WorkerId, Member>& all() const = 0;
};

// Kept in the memory of this server: the membership of a cluster without another service for it. A server that starts
// again has forgotten all, and its workers join anew.
class Members final : public Membership {
 public:
  uint64_t NextIncarnation(WorkerId worker) const override;
  absl::Status CheckJoin(WorkerId worker, uint64_t incarnation) const override;
  void Join(WorkerId worker, uint64_t incarnation, uint64_t clock, absl::Duration now) override;
  bool Leave(WorkerId worker, uint64_t incarnation) override;
  bool GiveUp(WorkerId worker, uint64_t incarnation) override;
  absl::Status Heard(WorkerId worker, uint64_t incarnation, std::optional<uint64_t> clock, absl::Duration now) override;
  absl::Status CheckLive(WorkerId worker, uint64_t incarnation) const override;
  std::vector<Silent> SilentFor(absl::Duration limit, absl::Duration now) const override;
  void Excuse(absl::Duration pause) override;
  uint64_t clock_min() const override;
  size_t live_count() const override;
  const Member* Find(WorkerId worker) const override;
  const std::map<WorkerId, Member>& all() const override { return members_; }

 private:
  std::map<WorkerId, Member> members_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_MEMBERSHIP_MEMBERS_H_
