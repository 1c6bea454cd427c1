// Numbers as people read them.
#ifndef DOWNPOUR_COMMON_BASE_NUMBER_TEXT_H_
#define DOWNPOUR_COMMON_BASE_NUMBER_TEXT_H_

#include <cstdint>
#include <string>

namespace downpour {

// "1,234,567".
std::string WithThousands(uint64_t value);

// A number that may be large or small, rounded for a person: "12,346", "123", "4.2"; "?" for what is not finite.
std::string RoundedWithThousands(double value);

// A time span in at most two units: "0.4 s", "42 s", "1 min 52 s", "2 h 03 min", "3 d 04 h"; "?" for what is not finite
// or is negative.
std::string DurationText(double seconds);

// The same as a clock shows it, where room is scarce: "0:42", "12:05", "1:02:03".
std::string ClockText(double seconds);

// A share of 1 as "92.1 %" with that many decimals; "?" for what is not finite.
std::string PercentText(double share, int decimals);

// "742 B", "29.5 kB", "26.4 MB": units of 1000, as those who offer downloads count.
std::string ByteText(uint64_t bytes);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_NUMBER_TEXT_H_
