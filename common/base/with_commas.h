// Numbers as people read them.
#ifndef DOWNPOUR_COMMON_BASE_WITH_COMMAS_H_
#define DOWNPOUR_COMMON_BASE_WITH_COMMAS_H_

#include <cstdint>
#include <string>

namespace downpour {

// 1234567 is "1,234,567".
inline std::string WithCommas(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_WITH_COMMAS_H_
