// Where data sets are published, and how to know that one has the right bytes.
#ifndef DOWNPOUR_WORKER_DATA_FETCH_DATA_SOURCE_H_
#define DOWNPOUR_WORKER_DATA_FETCH_DATA_SOURCE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace downpour {

struct DataSource {
  struct File {
    std::string name;
    std::string md5;
    std::string md5_of_debian = {};  // the same contents as Debian's package compresses them; empty: it has none

    bool IsOf(std::string_view checksum) const {
      return checksum == md5 || (!md5_of_debian.empty() && checksum == md5_of_debian);
    }
  };
  struct Member {
    std::string name;    // of the file, without the archive's folders
    uint64_t bytes = 0;  // exactly
  };

  std::string name;    // as `downpour data fetch` and jobs call it
  std::string url;     // the folder that has the files, without a slash at its end
  std::string folder;  // below the data folder, where worker/data/known_images.h looks
  std::vector<File> files;
  // What is taken out of the files where they are archives (.tar.gz), which are removed then; none: the files
  // themselves are the data.
  std::vector<Member> members;
};

// "fashion-mnist", "mnist", "cifar10", "cifar100".
const std::vector<DataSource>& DataSources();

// INVALID_ARGUMENT for an unknown name lists the known ones.
absl::StatusOr<const DataSource*> FindDataSource(std::string_view name);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_FETCH_DATA_SOURCE_H_
