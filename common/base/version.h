#ifndef DOWNPOUR_COMMON_BASE_VERSION_H_
#define DOWNPOUR_COMMON_BASE_VERSION_H_

namespace downpour {

// The version of this tree, as `downpour version` prints it and peers compare it.
inline constexpr char kVersion[] = "0.1.0";

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_VERSION_H_
