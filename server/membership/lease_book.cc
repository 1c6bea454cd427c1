#include "server/membership/lease_book.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/consistency/policy_state.h"

namespace downpour {
namespace {

constexpr char kStateName[] = "leases";
constexpr uint32_t kStateVersion = 1;

absl::Status Damaged() {
  return absl::DataLossError("the data position is damaged, or of another data set or batch size");
}

}  // namespace

absl::StatusOr<LeaseBook> LeaseBook::Create(const LeaseOptions& options) {
  if (options.examples == 0) return absl::InvalidArgumentError("a data set of no examples cannot be handed out");
  if (options.batch == 0) return absl::InvalidArgumentError("a batch has at least 1 example");
  if (options.slice_batches_max == 0) return absl::InvalidArgumentError("a slice has at least 1 batch");
  return LeaseBook(options);
}

std::map<uint64_t, LeaseBook::Epoch>::iterator LeaseBook::EpochToGive() {
  for (auto it = epochs_.begin(); it != epochs_.end(); ++it) {
    if (!it->second.left.empty()) return it;
  }
  if (options_.epochs != 0 && epochs_begun_ == options_.epochs) return epochs_.end();
  Epoch epoch;
  epoch.left.emplace(0, options_.examples);
  return epochs_.emplace(epochs_begun_++, std::move(epoch)).first;
}

LeaseBook::Answer LeaseBook::Take(WorkerId worker, uint64_t incarnation, size_t workers, uint64_t batches_max) {
  const auto held = std::count_if(leases_.begin(), leases_.end(), [&](const auto& lease) {
    return lease.second.worker == worker && lease.second.incarnation == incarnation;
  });
  if (static_cast<size_t>(held) >= kLeasesOfWorkerMax) return {.verdict = Verdict::kTooMany};
  const auto it = EpochToGive();
  if (it == epochs_.end()) return {.verdict = finished() ? Verdict::kFinished : Verdict::kNothingNow};

  auto& [number, epoch] = *it;
  uint64_t left = 0;
  for (const auto& [begin, end] : epoch.left) left += end - begin;
  // A half of an even share, in whole batches.
  const uint64_t share = left / options_.batch / (2 * std::max<uint64_t>(workers, 1));
  const uint64_t batches = std::clamp<uint64_t>(share, 1, std::min(options_.slice_batches_max, batches_max));

  const auto [begin, end] = *epoch.left.begin();
  epoch.left.erase(epoch.left.begin());
  // What was given back may begin within a batch; the slice ends between two.
  const uint64_t first_batch = begin / options_.batch;
  const uint64_t batches_to_end = (options_.examples - 1) / options_.batch - first_batch;
  const uint64_t cut = batches > batches_to_end ? end : std::min(end, (first_batch + batches) * options_.batch);
  if (cut < end) epoch.left.emplace(cut, end);

  Lease lease{.id = next_lease_++, .slice = {.epoch = number, .begin = begin, .end = cut}};
  leases_.emplace(lease.id, Open{.worker = worker, .incarnation = incarnation, .slice = lease.slice, .begin = begin});
  return {.verdict = Verdict::kGiven, .lease = lease};
}

absl::Status LeaseBook::Report(WorkerId worker, uint64_t incarnation, uint64_t lease, uint64_t used) {
  const auto it = leases_.find(lease);
  if (it == leases_.end() || it->second.worker != worker || it->second.incarnation != incarnation) {
    return absl::FailedPreconditionError(
        absl::StrCat("lease ", lease, " is not held by worker ", worker, " any more: take another"));
  }
  Open& open = it->second;
  const uint64_t size = open.slice.end - open.begin;
  if (used > size) {
    return absl::OutOfRangeError(
        absl::StrCat("worker ", worker, " reports ", used, " examples of lease ", lease, ", which has ", size));
  }
  const uint64_t before = open.slice.begin - open.begin;
  if (used <= before) return absl::OkStatus();
  batches_used_ += BatchesIn(open.slice.begin, open.begin + used);
  open.slice.begin = open.begin + used;
  const uint64_t epoch = open.slice.epoch;
  if (used == size) leases_.erase(it);
  Use(epoch, used - before);
  return absl::OkStatus();
}

uint64_t LeaseBook::BatchesIn(uint64_t begin, uint64_t end) const {
  const auto before = [this](uint64_t position) {
    return position == options_.examples ? (position - 1) / options_.batch + 1 : position / options_.batch;
  };
  return before(end) - before(begin);
}

uint64_t LeaseBook::batches_open() const {
  uint64_t batches = 0;
  for (const auto& [id, open] : leases_) batches += BatchesIn(open.slice.begin, open.slice.end);
  return batches;
}

void LeaseBook::Use(uint64_t epoch, uint64_t count) {
  const auto it = epochs_.find(epoch);
  it->second.used += count;
  if (it->second.used == options_.examples) epochs_.erase(it);
}

void LeaseBook::Release(WorkerId worker, uint64_t incarnation) {
  for (auto it = leases_.begin(); it != leases_.end();) {
    if (it->second.worker == worker && it->second.incarnation == incarnation) {
      GiveBack(it->second.slice);
      it = leases_.erase(it);
    } else {
      ++it;
    }
  }
}

// Joined with its neighbours, so that slices do not get smaller with every worker that is lost.
void LeaseBook::GiveBack(const LeaseSlice& slice) {
  std::map<uint64_t, uint64_t>& left = epochs_.find(slice.epoch)->second.left;
  uint64_t begin = slice.begin;
  uint64_t end = slice.end;
  auto next = left.lower_bound(begin);
  if (next != left.end() && next->first == end) {
    end = next->second;
    next = left.erase(next);
  }
  if (next != left.begin() && std::prev(next)->second == begin) {
    begin = std::prev(next)->first;
    left.erase(std::prev(next));
  }
  left.emplace(begin, end);
}

uint64_t LeaseBook::epoch() const { return epochs_.empty() ? epochs_begun_ : epochs_.begin()->first; }

uint64_t LeaseBook::used(uint64_t epoch) const {
  if (epoch >= epochs_begun_) return 0;
  const auto it = epochs_.find(epoch);
  return it == epochs_.end() ? options_.examples : it->second.used;
}

bool LeaseBook::finished() const { return options_.epochs != 0 && epochs_begun_ == options_.epochs && epochs_.empty(); }

std::string LeaseBook::Save() const {
  LeaseBook rested = *this;
  for (const auto& [id, open] : leases_) rested.GiveBack(open.slice);
  PolicyStateWriter state(kStateName, kStateVersion);
  state.Number(options_.examples);
  state.Number(options_.batch);
  state.Number(next_lease_);
  state.Number(epochs_begun_);
  state.Number(rested.epochs_.size());
  for (const auto& [number, epoch] : rested.epochs_) {
    state.Number(number);
    state.Number(epoch.left.size());
    for (const auto& [begin, end] : epoch.left) {
      state.Number(begin);
      state.Number(end);
    }
  }
  return state.Take();
}

absl::Status LeaseBook::Restore(std::string_view text) {
  PolicyStateReader state(text);
  LeaseBook restored(options_);
  uint64_t examples = 0;
  uint64_t batch = 0;
  uint64_t epochs = 0;
  if (!state.Header(kStateName, kStateVersion) || !state.Number(examples) || !state.Number(batch) ||
      !state.Number(restored.next_lease_) || !state.Number(restored.epochs_begun_) || !state.Number(epochs)) {
    return Damaged();
  }
  if (examples != options_.examples || batch != options_.batch || restored.next_lease_ == 0) return Damaged();
  if (options_.epochs != 0 && restored.epochs_begun_ > options_.epochs) return Damaged();
  // All of the epochs that were begun, less what is left of them.
  restored.batches_used_ = restored.epochs_begun_ * restored.BatchesIn(0, examples);
  uint64_t number_min = 0;
  for (; epochs > 0; --epochs) {
    uint64_t number = 0;
    uint64_t ranges = 0;
    if (!state.Number(number) || !state.Number(ranges)) return Damaged();
    if (number < number_min || number >= restored.epochs_begun_ || ranges == 0) return Damaged();
    number_min = number + 1;
    Epoch& epoch = restored.epochs_[number];
    epoch.used = examples;
    uint64_t begin_min = 0;
    for (; ranges > 0; --ranges) {
      uint64_t begin = 0;
      uint64_t end = 0;
      if (!state.Number(begin) || !state.Number(end)) return Damaged();
      // Ranges that touch would have been joined.
      if (begin < begin_min || begin >= end || end > examples) return Damaged();
      begin_min = end + 1;
      epoch.left.emplace(begin, end);
      epoch.used -= end - begin;
      restored.batches_used_ -= restored.BatchesIn(begin, end);
    }
  }
  if (!state.AtEnd()) return Damaged();
  *this = std::move(restored);
  return absl::OkStatus();
}

}  // namespace downpour
