// Models as a command line names them.
#ifndef DOWNPOUR_CLI_MODEL_FILE_H_
#define DOWNPOUR_CLI_MODEL_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "worker/models/graph.h"

namespace downpour {

// `what` is the path of a file of proto/model.proto in text format, or the name of a shipped model (deploy/models), and
// may end in @HEIGHTxWIDTH: then the first input has that size instead of the file's, "cifar10@32x32". NOT_FOUND lists
// the shipped models; the other errors are those of Graph and of reading files.
absl::StatusOr<Graph> OpenModel(std::string_view what);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_MODEL_FILE_H_
