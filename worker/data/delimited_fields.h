// One line of CSV or TSV, taken apart.
#ifndef DOWNPOUR_WORKER_DATA_DELIMITED_FIELDS_H_
#define DOWNPOUR_WORKER_DATA_DELIMITED_FIELDS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace downpour {

// Sets `fields` to those of a line, as RFC 4180 has them, except that a field ends with its line: a field that begins
// with a double quote goes to the next one that is not doubled, may hold delimiters, and doubled quotes in it stand for
// one. The fields point into `line`, or into `unquoted` where quotes were doubled, and hold as long as both are
// unchanged. INVALID_ARGUMENT (without the name of the file) if a quote is not closed or is followed by more than a
// delimiter.
absl::Status SplitFields(std::string_view line, char delimiter, std::string* unquoted,
                         std::vector<std::string_view>* fields);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_DELIMITED_FIELDS_H_
