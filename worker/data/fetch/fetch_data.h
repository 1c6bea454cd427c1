// Data sets from where they are published into a data folder.
#ifndef DOWNPOUR_WORKER_DATA_FETCH_FETCH_DATA_H_
#define DOWNPOUR_WORKER_DATA_FETCH_FETCH_DATA_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "worker/data/fetch/data_source.h"
#include "worker/data/fetch/download.h"

namespace downpour {

// Hears of a fetch, on the thread that fetches.
class FetchObserver {
 public:
  virtual ~FetchObserver() = default;

  // So many bytes of a file are there, of so many (0: not known). Often.
  virtual void Progressed(std::string_view file, uint64_t bytes, uint64_t all) = 0;
  // A line that stays: what was already there, what has come, what began anew.
  virtual void Said(std::string_view text) = 0;
};

struct FetchOptions {
  std::string data_dir;           // made if missing; the set gets a folder of its own in it
  std::string mirror;             // a URL that has the files in place of the source's; empty: the source's
  DownloadOptions download = {};  // its `progress` is not looked at
};

// Fetches what is missing of a set. A file grows under its name with ".part", goes on from there after a failure or an
// interruption, and gets its name once its checksum is right; so a file that has its name is whole. A file with another
// checksum is removed, and the error says which was expected. Of two processes that fetch the same set the second is
// refused (ABORTED). Errors name the URL or the file and say what to do.
absl::Status FetchData(const DataSource& source, const FetchOptions& options, FetchObserver& observer);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_FETCH_FETCH_DATA_H_
