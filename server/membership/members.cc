#include "server/membership/members.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"

namespace downpour {

const Members::Member* Members::Find(WorkerId worker) const {
  const auto found = members_.find(worker);
  return found == members_.end() ? nullptr : &found->second;
}

uint64_t Members::NextIncarnation(WorkerId worker) const {
  const Member* member = Find(worker);
  return member == nullptr ? 1 : std::max(member->incarnation, member->left) + 1;
}

absl::Status Members::CheckJoin(WorkerId worker, uint64_t incarnation) const {
  if (incarnation == 0 || incarnation == std::numeric_limits<uint64_t>::max()) {
    // The largest number could never be fenced by another.
    return absl::InvalidArgumentError(
        absl::StrCat("worker ", worker, " cannot join as incarnation ", incarnation, "; ask the first server for one"));
  }
  const Member* member = Find(worker);
  if (member == nullptr) {
    if (members_.size() < kMembersMax) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        absl::StrCat("worker ", worker, " cannot join: this server has seen ", kMembersMax, " workers already"));
  }
  if (incarnation > member->left && incarnation >= member->incarnation) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "worker ", worker, " cannot join as incarnation ", incarnation, ": ",
      incarnation <= member->left ? "it has left" : absl::StrCat("incarnation ", member->incarnation, " came after it"),
      "; ask the first server for a new one"));
}

void Members::Join(WorkerId worker, uint64_t incarnation, uint64_t clock, absl::Duration now) {
  Member& member = members_[worker];
  member.heard = now;
  if (member.live && member.incarnation == incarnation) return;
  member.incarnation = incarnation;
  member.live = true;
  member.dead = false;
  member.joined = now;
  member.join_clock = member.clock = clock;
}

bool Members::GiveUp(WorkerId worker, uint64_t incarnation) {
  if (!Leave(worker, incarnation)) return false;
  Member& member = members_[worker];
  member.dead = true;
  ++member.deaths;
  return true;
}

bool Members::Leave(WorkerId worker, uint64_t incarnation) {
  if (incarnation == 0 || incarnation == std::numeric_limits<uint64_t>::max()) return false;
  const auto found = members_.find(worker);
  if (found == members_.end()) {
    if (members_.size() < kMembersMax) members_[worker].left = incarnation;
    return false;
  }
  Member& member = found->second;
  member.left = std::max(member.left, incarnation);
  if (incarnation != member.incarnation || !member.live) return false;
  member.live = false;
  return true;
}

absl::Status Members::CheckLive(WorkerId worker, uint64_t incarnation) const {
  const Member* member = Find(worker);
  if (member == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("worker ", worker, " has not joined; join first"));
  }
  if (incarnation < member->incarnation) {
    return absl::AbortedError(absl::StrCat("worker ", worker, " incarnation ", incarnation,
                                           " has been replaced: incarnation ", member->incarnation, " has joined"));
  }
  if (incarnation > member->incarnation) {
    return absl::FailedPreconditionError(absl::StrCat("incarnation ", incarnation, " of worker ", worker,
                                                      " has not joined, the last that did is ", member->incarnation,
                                                      "; join first"));
  }
  if (!member->live) {
    return absl::FailedPreconditionError(absl::StrCat("worker ", worker, " (incarnation ", incarnation,
                                                      ") has left or was given up for dead; join again"));
  }
  return absl::OkStatus();
}

absl::Status Members::Heard(WorkerId worker, uint64_t incarnation, std::optional<uint64_t> clock, absl::Duration now) {
  if (absl::Status status = CheckLive(worker, incarnation); !status.ok()) return status;
  Member& member = members_[worker];
  member.heard = std::max(member.heard, now);
  if (clock.has_value()) member.clock = std::max(member.clock, *clock);
  return absl::OkStatus();
}

std::vector<Members::Silent> Members::SilentFor(absl::Duration limit, absl::Duration now) const {
  std::vector<Silent> silent;
  for (const auto& [worker, member] : members_) {
    if (member.live && now - member.heard > limit) silent.push_back({worker, member.incarnation, now - member.heard});
  }
  return silent;
}

void Members::Excuse(absl::Duration pause) {
  for (auto& [worker, member] : members_) member.heard += pause;
}

uint64_t Members::clock_min() const {
  uint64_t least = std::numeric_limits<uint64_t>::max();
  for (const auto& [worker, member] : members_) {
    if (member.live) least = std::min(least, member.clock);
  }
  return least == std::numeric_limits<uint64_t>::max() ? 0 : least;
}

size_t Members::live_count() const {
  return std::count_if(members_.begin(), members_.end(), [](const auto& entry) { return entry.second.live; });
}

}  // namespace downpour
