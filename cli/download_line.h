// How far a download is, as a line of a terminal.
#ifndef DOWNPOUR_CLI_DOWNLOAD_LINE_H_
#define DOWNPOUR_CLI_DOWNLOAD_LINE_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace downpour {

// "train.gz  [#####-----]  50 %  12.3 MB of 24.6 MB  3.2 MB/s  0:04 left": at most columns - 1 characters, the bar and
// then the end left out where there is no room. `all` is 0 where it is not known; `rate` in bytes a second.
std::string DownloadLine(std::string_view name, uint64_t bytes, uint64_t all, double rate, int columns);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_DOWNLOAD_LINE_H_
