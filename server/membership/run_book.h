#ifndef DOWNPOUR_SERVER_MEMBERSHIP_RUN_BOOK_H_
#define DOWNPOUR_SERVER_MEMBERSHIP_RUN_BOOK_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/consistency/policy.h"
#include "server/membership/lease_book.h"

namespace downpour {

// The plan of a run: proto/control.proto, WorkPlan, says what each number means. Time is the caller's.
struct RunPlan {
  uint64_t examples = 0;
  uint64_t batch = 1;
  uint64_t slice_batches_max = 32;
  uint64_t steps = 0;  // 0: without end
  uint64_t evaluate_every_steps = 0;
  bool evaluate_at_end = false;
  uint32_t patience = 0;
  double improvement = 0;
};

// Who does what in a run, and when it is over: slices of the data (lease_book.h), cut so that one worker alone finds an
// evaluation due exactly where the plan has it; evaluations, each done by one worker; the budget of steps; early
// stopping.
//
// Pure: no clock and no threads; one caller at a time. The same calls in the same order give the same work.
class RunBook {
 public:
  // INVALID_ARGUMENT, naming the number, if one makes no sense.
  static absl::StatusOr<RunBook> Create(const RunPlan& plan);

  struct Evaluation {
    uint64_t number = 0;  // never 0, never given twice
    uint64_t step = 0;
    bool last = false;  // there is nothing more to train on
  };
  struct Nothing {};  // what is left is with others and may come back: ask again later
  struct Finished {
    std::string why;
  };
  using Work = std::variant<Lease, Evaluation, Nothing, Finished>;

  // What the worker is to do next. `ticket` numbers its requests: the last one, asked again, is answered as before.
  // `workers`: how many share the work.
  absl::StatusOr<Work> Take(WorkerId worker, uint64_t incarnation, uint64_t ticket, size_t workers);

  // See LeaseBook::Report.
  absl::Status ReportTraining(WorkerId worker, uint64_t incarnation, uint64_t lease, uint64_t used);

  // More is better. Gives whether it is the best so far; a report that comes again gets the same answer.
  absl::StatusOr<bool> ReportEvaluation(WorkerId worker, uint64_t incarnation, uint64_t number, double score);

  // Takes back what an incarnation of a worker has not done, because it left, died, or joined anew.
  void Release(WorkerId worker, uint64_t incarnation);

  // No more training is given; what is open need not be finished. The first reason counts. With `evaluate`, a plan that
  // wants a last evaluation gets it.
  void Stop(std::string why, bool evaluate);

  // ---- Looking at it
  bool stopped() const { return stopped_; }
  // Why there is nothing more to do, as Finished has it; none while there is.
  std::optional<std::string> WhyFinished() const;
  struct Judged {
    uint64_t step = 0;
    double score = 0;
  };
  const std::optional<Judged>& last_judged() const { return last_judged_; }
  const std::optional<Judged>& best_judged() const { return best_; }
  const RunPlan& plan() const { return plan_; }
  uint64_t steps() const { return leases_.batches_used(); }
  const LeaseBook& leases() const { return leases_; }

 private:
  struct OpenEvaluation {
    Evaluation evaluation;
    WorkerId worker = 0;
    uint64_t incarnation = 0;
  };
  struct Asked {
    uint64_t incarnation = 0;
    uint64_t ticket = 0;
    Work answer;
  };

  RunBook(const RunPlan& plan, LeaseBook leases)
      : plan_(plan), leases_(std::move(leases)), next_evaluation_step_(plan.evaluate_every_steps) {}

  Work Decide(WorkerId worker, uint64_t incarnation, size_t workers);
  // So many batches may the next lease have: up to the end and to the next evaluation.
  uint64_t BatchesMax(size_t workers) const;
  bool TrainingIsOver() const;
  bool EvaluationIsDue() const;
  Work GiveEvaluation(WorkerId worker, uint64_t incarnation);

  RunPlan plan_;
  LeaseBook leases_;
  bool stopped_ = false;
  bool evaluate_when_stopped_ = true;
  std::string why_;

  uint64_t next_evaluation_step_;  // 0: none
  uint64_t next_evaluation_ = 1;
  std::optional<OpenEvaluation> open_evaluation_;
  std::optional<uint64_t> evaluated_step_;  // the last that was judged
  std::optional<Judged> last_judged_;
  std::optional<Judged> best_;
  uint32_t not_better_ = 0;  // evaluations since the best
  struct Reported {
    uint64_t number = 0;
    bool best = false;
  } last_report_;

  std::map<WorkerId, Asked> asked_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_MEMBERSHIP_RUN_BOOK_H_
