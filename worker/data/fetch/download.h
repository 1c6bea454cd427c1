// Files by HTTP.
#ifndef DOWNPOUR_WORKER_DATA_FETCH_DOWNLOAD_H_
#define DOWNPOUR_WORKER_DATA_FETCH_DOWNLOAD_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace downpour {

struct DownloadOptions {
  // A connection that breaks off is made again so often.
  int attempts = 4;
  absl::Duration pause = absl::Seconds(1);  // between them
  // Without a byte for so long it counts as broken off.
  absl::Duration stall = absl::Seconds(60);
  uint64_t bytes_max = uint64_t{1} << 30;
  // Bytes of the file so far and in all (0: not known); often.
  std::function<void(uint64_t bytes, uint64_t all)> progress = [](uint64_t, uint64_t) {};
};

// Fetches an http or https URL into the file `path`, through the proxy that the environment names (http_proxy,
// https_proxy, no_proxy). A file that is there is taken for the beginning of what is fetched, and goes on where it
// ends; where the server cannot do that, it begins anew. What was fetched before an error stays for the next time.
// Whether the bytes are the right ones is for the caller to check. UNAVAILABLE where the server is not reached or
// breaks off, NOT_FOUND and others by the server's answer; messages name the URL.
absl::Status Download(const std::string& url, const std::string& path, const DownloadOptions& options);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_FETCH_DOWNLOAD_H_
