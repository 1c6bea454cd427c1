#include "worker/data/fetch/download.h"

#include <curl/curl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace downpour {
namespace {

constexpr long kRedirectsMax = 10;
constexpr long kConnectSeconds = 20;
constexpr long kRangeNotSatisfiable = 416;

// One request: what the callbacks need, and what came of it.
struct Transfer {
  const DownloadOptions* options;
  std::FILE* file;
  uint64_t bytes = 0;  // in the file
  int write_error = 0;
  bool too_large = false;
  CURLcode code = CURLE_OK;
  long answer = 0;  // of HTTP
  std::array<char, CURL_ERROR_SIZE> message = {};
};

size_t TakeBytes(char* data, size_t, size_t size, void* of) {
  Transfer& transfer = *static_cast<Transfer*>(of);
  if (size > transfer.options->bytes_max - transfer.bytes) {
    transfer.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  if (std::fwrite(data, 1, size, transfer.file) != size) {
    transfer.write_error = errno;
    return CURL_WRITEFUNC_ERROR;
  }
  transfer.bytes += size;
  return size;
}

int TellProgress(void* of, curl_off_t all, curl_off_t done, curl_off_t, curl_off_t) {
  const Transfer& transfer = *static_cast<Transfer*>(of);
  const uint64_t before = transfer.bytes - std::min<uint64_t>(transfer.bytes, static_cast<uint64_t>(done));
  transfer.options->progress(transfer.bytes, all > 0 ? before + static_cast<uint64_t>(all) : 0);
  return 0;
}

// Asks for the URL from the end of what is there on.
void Perform(const std::string& url, Transfer& transfer) {
  const std::unique_ptr<CURL, void (*)(CURL*)> handle(curl_easy_init(), &curl_easy_cleanup);
  CURL* const curl = handle.get();
  if (curl == nullptr) {
    transfer.code = CURLE_OUT_OF_MEMORY;
    return;
  }
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kRedirectsMax);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "downpour");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(absl::ToInt64Seconds(transfer.options->stall)));
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer.message.data());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &TakeBytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &TellProgress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(transfer.bytes));
  transfer.code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &transfer.answer);
}

bool BrokeOff(CURLcode code) {
  switch (code) {
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return true;
    default:
      return false;
  }
}

absl::Status ErrorOf(const Transfer& transfer, const std::string& url, const std::string& path) {
  if (transfer.too_large) {
    return absl::OutOfRangeError(absl::StrCat("cannot fetch ", url, ": it is larger than the ",
                                              transfer.options->bytes_max, " bytes that a data set may have"));
  }
  if (transfer.write_error != 0) {
    return absl::ErrnoToStatus(transfer.write_error, absl::StrCat("cannot write to ", path));
  }
  const char* const message = transfer.message[0] != 0 ? transfer.message.data() : curl_easy_strerror(transfer.code);
  const std::string text = absl::StrCat("cannot fetch ", url, ": ", message);
  if (transfer.code == CURLE_HTTP_RETURNED_ERROR) {
    return transfer.answer == 404 || transfer.answer == 410 ? absl::NotFoundError(text)
                                                            : absl::FailedPreconditionError(text);
  }
  if (transfer.code == CURLE_URL_MALFORMAT || transfer.code == CURLE_UNSUPPORTED_PROTOCOL) {
    return absl::InvalidArgumentError(text);
  }
  return absl::UnavailableError(text);
}

}  // namespace

absl::Status Download(const std::string& url, const std::string& path, const DownloadOptions& options) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) return absl::InternalError("libcurl does not start");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "ab"), &std::fclose);
  struct stat facts = {};
  if (file == nullptr || fstat(fileno(file.get()), &facts) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot write to ", path));
  }
  uint64_t bytes = static_cast<uint64_t>(facts.st_size);
  for (int attempt = 1;; ++attempt) {
    Transfer transfer = {.options = &options, .file = file.get(), .bytes = bytes};
    Perform(url, transfer);
    if (std::fflush(file.get()) != 0 && transfer.write_error == 0) transfer.write_error = errno;
    if (transfer.write_error == 0 && transfer.code == CURLE_OK) return absl::OkStatus();
    // It ends where ours ends: all of it is there, or what is there is something else. The checksum will tell.
    if (transfer.answer == kRangeNotSatisfiable && bytes > 0) return absl::OkStatus();
    if (transfer.code == CURLE_RANGE_ERROR && bytes > 0) {
      if (ftruncate(fileno(file.get()), 0) != 0) {
        return absl::ErrnoToStatus(errno, absl::StrCat("cannot write to ", path));
      }
      bytes = 0;
      continue;
    }
    if (!BrokeOff(transfer.code) || transfer.write_error != 0 || attempt >= options.attempts) {
      return ErrorOf(transfer, url, path);
    }
    bytes = transfer.bytes;
    absl::SleepFor(options.pause);
  }
}

}  // namespace downpour
