// A run as a person follows it.
#ifndef DOWNPOUR_WORKER_TRAIN_PROGRESS_VIEW_H_
#define DOWNPOUR_WORKER_TRAIN_PROGRESS_VIEW_H_

#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "worker/train/remaining_time.h"
#include "worker/train/run_events.h"

namespace downpour {

// Where the view is seen.
struct ProgressOutput {
  // Hands text over at once, unbuffered.
  std::function<void(std::string_view)> write;
  // A line can be drawn over.
  bool is_terminal = false;
  // Of a line; asked each time, since windows change.
  std::function<int()> columns = [] { return 80; };
  // Bars may be drawn with block characters.
  bool unicode = false;

  // `file`, a terminal or not, as the environment (TERM, LC_ALL, LC_CTYPE, LANG) describes it. `file` is flushed at
  // each write; it stays the caller's.
  static ProgressOutput Of(std::FILE* file);
};

// On a terminal one live line, drawn at most five times a second and never wider than the terminal; evaluations and
// notes stay as lines of their own above it. Elsewhere plain lines without control codes: the first event, then one
// each few seconds (fewer as the run grows long), each evaluation, each note. Before it a few lines of what is run,
// after it the summary of run_summary.h. What is written to the output by others while the live line stands ends up
// behind it: send it through Noted.
class ProgressView : public RunObserver {
 public:
  // `clock` outlives the view.
  ProgressView(const Clock& clock, ProgressOutput output);
  // Leaves the cursor on a line of its own.
  ~ProgressView() override;

  void Started(const RunStart& start) override;
  void Progressed(const RunProgress& progress) override;
  void Evaluated(const RunEvaluation& evaluation) override;
  void Noted(std::string_view text) override;
  void Ended(const RunEnd& end) override;

 private:
  // A line, or several, that stay.
  void Keep(std::string text);
  std::string LiveLine(int columns) const;
  void Draw();
  absl::Duration Pause() const;

  const Clock& clock_;
  const ProgressOutput output_;
  RunStart start_;
  RemainingTime remaining_{std::nullopt, std::nullopt};
  std::optional<RunProgress> progress_;
  std::optional<absl::Duration> shown_at_;  // the last progress
  bool live_ = false;                       // the cursor stands behind a live line
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_PROGRESS_VIEW_H_
