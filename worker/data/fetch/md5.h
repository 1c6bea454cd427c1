// The checksum that publishers of data sets name.
#ifndef DOWNPOUR_WORKER_DATA_FETCH_MD5_H_
#define DOWNPOUR_WORKER_DATA_FETCH_MD5_H_

#include <string>

#include "absl/status/statusor.h"

namespace downpour {

// The MD5 of a regular file's bytes, as 32 hexadecimal digits in lower case. Good against accidents, not against
// malice: data sets are never executed.
absl::StatusOr<std::string> Md5OfFile(const std::string& path);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_FETCH_MD5_H_
