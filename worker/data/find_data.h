// Where the files of a data set are.
#ifndef DOWNPOUR_WORKER_DATA_FIND_DATA_H_
#define DOWNPOUR_WORKER_DATA_FIND_DATA_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace downpour {

// The folders that are looked into.
struct DataPlaces {
  std::string data_dir = {};     // what a person named for this run; if set, nothing else is looked into
  std::string environment = {};  // DOWNPOUR_DATA
  std::string user = {};         // where `downpour data fetch` puts sets unless told otherwise
  std::string system = "/usr/share/datasets";

  // As the process's environment has them; `user` is $XDG_DATA_HOME/downpour, or ~/.local/share/downpour.
  static DataPlaces Of(std::string data_dir = "");
};

// What is looked for.
struct WantedFiles {
  std::string what;                             // "fashion-mnist (train)", for the error
  std::vector<std::string> folders;             // in a place; the place itself is tried first
  std::vector<std::vector<std::string>> files;  // each under any of these names
  std::string how_to_get;                       // "apt-get install dataset-fashion-mnist"
};

// The paths of all files, in order, from the first folder that has them all. NOT_FOUND lists the folders looked into,
// what each lacks, and how to get the files.
absl::StatusOr<std::vector<std::string>> FindData(const WantedFiles& wanted, const DataPlaces& places);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_FIND_DATA_H_
