// Shorthands for functions that return absl::Status or absl::StatusOr.
#ifndef DOWNPOUR_COMMON_BASE_STATUS_H_
#define DOWNPOUR_COMMON_BASE_STATUS_H_

#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace downpour {

// Returns `status` with its message prefixed by "context: ", the code and the payloads kept. OK stays OK.
//
//   DP_RETURN_IF_ERROR(Annotate(reader.Open(path), "loading the manifest"));
absl::Status Annotate(absl::Status status, std::string_view context);

template <typename T>
absl::StatusOr<T> Annotate(absl::StatusOr<T> value, std::string_view context) {
  if (value.ok()) return value;
  return Annotate(std::move(value).status(), context);
}

}  // namespace downpour

#define DP_STATUS_JOIN_INNER(a, b) a##b
#define DP_STATUS_JOIN(a, b) DP_STATUS_JOIN_INNER(a, b)

// Evaluates an absl::Status once and returns it from the enclosing function if it is an error. The enclosing
// function may return absl::Status or any absl::StatusOr.
#define DP_RETURN_IF_ERROR(...)                                      \
  do {                                                               \
    if (::absl::Status dp_status = (__VA_ARGS__); !dp_status.ok()) { \
      return dp_status;                                              \
    }                                                                \
  } while (false)

// Evaluates an absl::StatusOr once; returns its error from the enclosing function, or assigns its value to `lhs`,
// which may declare a variable: DP_ASSIGN_OR_RETURN(const Shape shape, ParseShape(text));
// A declaration with a comma in it, such as auto [a, b], has to go through a variable of its own.
#define DP_ASSIGN_OR_RETURN(lhs, ...) \
  DP_ASSIGN_OR_RETURN_INNER(DP_STATUS_JOIN(dp_status_or_, __COUNTER__), lhs, (__VA_ARGS__))
#define DP_ASSIGN_OR_RETURN_INNER(holder, lhs, expression) \
  auto holder = expression;                                \
  if (!holder.ok()) return std::move(holder).status();     \
  lhs = *std::move(holder)

#endif  // DOWNPOUR_COMMON_BASE_STATUS_H_
