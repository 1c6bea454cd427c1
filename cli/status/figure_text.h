// Figures of a view as people read them; "-" for what is not known.
#ifndef DOWNPOUR_CLI_STATUS_FIGURE_TEXT_H_
#define DOWNPOUR_CLI_STATUS_FIGURE_TEXT_H_

#include <string>

namespace downpour {

// "12,346", "4.2", "0".
std::string NumberText(double value);
// "12,346": whole.
std::string WholeText(double value);
// A share of 1 as "92%".
std::string ShareText(double share);
// Bytes as "212.0" MiB and "3.1" MB.
std::string MebibyteText(double bytes);
std::string MegabyteText(double bytes);
// "0.3 s", "1 min 52 s".
std::string SpanText(double seconds);
// "84 ms", "1.20 s", "310 us": of a step, a push, a round trip.
std::string ShortSpanText(double seconds);
// A loss or a score, with four digits.
std::string ScoreText(double value);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_FIGURE_TEXT_H_
