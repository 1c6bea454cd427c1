// What is said of a run, or of a part of it, in plain text.
#ifndef DOWNPOUR_WORKER_TRAIN_RUN_SUMMARY_H_
#define DOWNPOUR_WORKER_TRAIN_RUN_SUMMARY_H_

#include <string>

#include "worker/train/run_events.h"

namespace downpour {

// Four decimals, or four digits of what is large; "nan" and "inf" as they are.
std::string LossText(double loss);

// One line without its end: "evaluation after step 938 (epoch 2.00): test accuracy 89.12 %, loss 0.3021, best so far".
std::string EvaluationText(const RunEvaluation& evaluation);

// How a run ended (why it failed is left to whoever ran it), what came out, and where the time went: a table of the
// replicas, and bars for the staleness of pushes, of block characters (UTF-8) or of '#'. At most 80 columns where the
// names of devices are short. Ends with a line end.
std::string SummaryText(const RunEnd& end, bool unicode);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_RUN_SUMMARY_H_
