// Crossing between std::string_view, which our interfaces take, and absl::string_view, which Abseil's calls take.
// Debian builds Abseil with a string_view of its own; where the two are one type these calls do nothing.
#ifndef DOWNPOUR_COMMON_BASE_STRING_VIEW_H_
#define DOWNPOUR_COMMON_BASE_STRING_VIEW_H_

#include <string_view>

#include "absl/strings/string_view.h"

namespace downpour {

constexpr absl::string_view ToAbsl(std::string_view text) { return absl::string_view(text.data(), text.size()); }

constexpr std::string_view ToStd(absl::string_view text) { return std::string_view(text.data(), text.size()); }

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_STRING_VIEW_H_
