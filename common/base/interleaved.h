#ifndef DOWNPOUR_COMMON_BASE_INTERLEAVED_H_
#define DOWNPOUR_COMMON_BASE_INTERLEAVED_H_

#include <functional>
#include <string>
#include <vector>

// Measuring on a machine that others use too: the contestants run in turns, round by round, so that each ratio compares
// two runs that met the same weather; then medians over the rounds. And the one shape in which all benchmarks report.

namespace downpour {

struct Contestant {
  std::string name;
  std::function<void()> run;  // the work of one round
};

struct Timing {
  std::string name;
  double seconds = 0;  // of a round, the median
  double ratio = 0;    // of the reference's seconds to this one's in the same round, the median: 1 is as fast as it
};

// Seconds from some fixed point: of wall time, or of the calling thread on a core (which leaves out the time that
// others had the core; for work on one thread that does not wait for anything).
using SecondsFunction = std::function<double()>;
double SteadySeconds();
double ThreadSeconds();

// Runs each contestant once unmeasured and then `rounds` times, in turns. The first is the reference of all ratios.
// Single-threaded; `rounds` is at least 1; an empty list gives an empty list.
std::vector<Timing> RunInterleaved(const std::vector<Contestant>& contestants, int rounds,
                                   const SecondsFunction& now = SteadySeconds);

// The seconds behind them: of each contestant, in the order of the rounds. For ratios of other pairs.
std::vector<std::vector<double>> InterleavedSeconds(const std::vector<Contestant>& contestants, int rounds,
                                                    const SecondsFunction& now = SteadySeconds);

// `values` is not empty.
double Median(std::vector<double> values);

// One line of any benchmark's report. A ratio above 1 is better than the reference.
struct BenchLine {
  std::string bench;      // "store", "transport", ...
  std::string case_name;  // "update/adam/26214400"
  std::string metric;     // "throughput"
  double value = 0;
  std::string unit;       // "GB/s"
  std::string reference;  // what it was measured beside in the same run
  double reference_value = 0;
  double ratio = 0;
  int rounds = 0;
};

// A JSON object on one line, without the line's end.
std::string ToJson(const BenchLine& line);

// The same for people: a table with a heading, each line ended.
std::string ToTable(const std::vector<BenchLine>& lines);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_INTERLEAVED_H_
