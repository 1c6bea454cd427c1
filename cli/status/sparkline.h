// Small graphs of characters.
#ifndef DOWNPOUR_CLI_STATUS_SPARKLINE_H_
#define DOWNPOUR_CLI_STATUS_SPARKLINE_H_

#include <cstddef>
#include <string>
#include <vector>

namespace downpour {

// The last `columns` values as bars, `rows` lines high from the top, each as wide as there are columns. The lowest bar
// stands for the smallest value, the highest for the largest; values that are not known (NaN) leave a gap. Block
// characters with `unicode`, else ASCII.
std::vector<std::string> Graph(const std::vector<double>& values, size_t columns, size_t rows, bool unicode);

// A share of 1 as a bar of that many columns at most: "######".
std::string Bar(double share, size_t columns, bool unicode);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_SPARKLINE_H_
