#include "common/base/interleaved.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <string_view>

#include "absl/strings/str_format.h"
#include "common/base/json_string.h"

namespace downpour {

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double SteadySeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double ThreadSeconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

std::vector<std::vector<double>> InterleavedSeconds(const std::vector<Contestant>& contestants, int rounds,
                                                    const SecondsFunction& now) {
  for (const Contestant& contestant : contestants) contestant.run();
  std::vector<std::vector<double>> seconds(contestants.size());
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < contestants.size(); ++i) {
      const double begin = now();
      contestants[i].run();
      seconds[i].push_back(now() - begin);
    }
  }
  return seconds;
}

std::vector<Timing> RunInterleaved(const std::vector<Contestant>& contestants, int rounds, const SecondsFunction& now) {
  const std::vector<std::vector<double>> seconds = InterleavedSeconds(contestants, rounds, now);
  std::vector<Timing> timings;
  for (size_t i = 0; i < contestants.size(); ++i) {
    std::vector<double> ratios;
    for (size_t round = 0; round < seconds[i].size(); ++round) ratios.push_back(seconds[0][round] / seconds[i][round]);
    timings.push_back({contestants[i].name, Median(seconds[i]), Median(ratios)});
  }
  return timings;
}

std::string ToJson(const BenchLine& line) {
  return absl::StrFormat(
      R"({"bench": %s, "case": %s, "metric": %s, "value": %.6g, "unit": %s, "reference": %s, "reference_value": %.6g, )"
      R"("ratio": %.4g, "rounds": %d})",
      JsonString(line.bench), JsonString(line.case_name), JsonString(line.metric), line.value, JsonString(line.unit),
      JsonString(line.reference), line.reference_value, line.ratio, line.rounds);
}

std::string ToTable(const std::vector<BenchLine>& lines) {
  size_t case_width = 4;
  size_t metric_width = 6;
  for (const BenchLine& line : lines) {
    case_width = std::max(case_width, line.case_name.size());
    metric_width = std::max(metric_width, line.metric.size());
  }
  const auto row = [&](std::string_view case_name, std::string_view metric, std::string_view value,
                       std::string_view unit, std::string_view ratio, std::string_view reference) {
    return absl::StrFormat("%-*s %-*s %12s %-12s %6s  %s\n", static_cast<int>(case_width), case_name,
                           static_cast<int>(metric_width), metric, value, unit, ratio, reference);
  };
  std::string table = row("case", "metric", "value", "unit", "ratio", "of");
  for (const BenchLine& line : lines) {
    table +=
        row(line.case_name, line.metric, absl::StrFormat("%.4g", line.value), line.unit,
            absl::StrFormat("%.3f", line.ratio), absl::StrFormat("%s, %.4g", line.reference, line.reference_value));
  }
  return table;
}

}  // namespace downpour
