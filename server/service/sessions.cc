#include "server/service/sessions.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace downpour {

bool Sessions::TakePlace(WorkerId worker, uint64_t incarnation, std::shared_ptr<Mailbox> mailbox) {
  std::shared_ptr<Mailbox> before;
  {
    MutexLock lock(&mutex_);
    Place& place = places_[worker];
    if (place.incarnation > incarnation) return false;
    place.incarnation = incarnation;
    before = std::exchange(place.mailbox, std::move(mailbox));
  }
  if (before != nullptr) {
    before->End(
        absl::AbortedError(absl::StrCat("worker ", worker, " has opened another stream, incarnation ", incarnation,
                                        "; if that was another process, two of them run under this number")));
  }
  return true;
}

void Sessions::Remove(WorkerId worker, const Mailbox* mailbox) {
  MutexLock lock(&mutex_);
  const auto found = places_.find(worker);
  if (found != places_.end() && found->second.mailbox.get() == mailbox) places_.erase(found);
}

std::shared_ptr<Mailbox> Sessions::Find(WorkerId worker, uint64_t incarnation) const {
  MutexLock lock(&mutex_);
  const auto found = places_.find(worker);
  if (found == places_.end() || found->second.incarnation != incarnation) return nullptr;
  return found->second.mailbox;
}

void Sessions::Deliver(ShardId shard, Completions completions) {
  if (completions.empty()) return;
  std::vector<std::shared_ptr<Mailbox>> reached;
  const auto deliver = [&](auto& completion) {
    std::shared_ptr<Mailbox> mailbox = Find(completion.worker, completion.incarnation);
    if (mailbox == nullptr) return;
    mailbox->Deliver(shard, std::move(completion));
    if (reached.empty() || reached.back() != mailbox) reached.push_back(std::move(mailbox));
  };
  for (PushCompletion& push : completions.pushes) deliver(push);
  for (PullCompletion& pull : completions.pulls) deliver(pull);
  for (const std::shared_ptr<Mailbox>& mailbox : reached) mailbox->Wake();
}

std::shared_ptr<StreamTally> Sessions::TallyOf(WorkerId worker) {
  MutexLock lock(&mutex_);
  std::shared_ptr<StreamTally>& tally = tallies_[worker];
  if (tally == nullptr) tally = std::make_shared<StreamTally>();
  return tally;
}

Sessions::Seen Sessions::See(WorkerId worker) const {
  MutexLock lock(&mutex_);
  Seen seen;
  if (const auto tally = tallies_.find(worker); tally != tallies_.end()) seen.tally = tally->second;
  if (const auto place = places_.find(worker); place != places_.end()) seen.peer = place->second.mailbox->peer();
  return seen;
}

void Sessions::DrainAll() {
  std::vector<std::shared_ptr<Mailbox>> all;
  {
    MutexLock lock(&mutex_);
    for (const auto& [worker, place] : places_) all.push_back(place.mailbox);
  }
  for (const std::shared_ptr<Mailbox>& mailbox : all) mailbox->Drain();
}

size_t Sessions::size() const {
  MutexLock lock(&mutex_);
  return places_.size();
}

}  // namespace downpour
