// A web server that tests fetch from, on a loopback port.
#ifndef DOWNPOUR_WORKER_DATA_FETCH_TEST_SERVER_H_
#define DOWNPOUR_WORKER_DATA_FETCH_TEST_SERVER_H_

#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"

namespace downpour::testing {

// Answers GET of the files that it was given; one request a connection. Any thread may call it.
class TestServer {
 public:
  struct File {
    std::string bytes;
    bool ranges = true;                    // else it answers with the whole file whatever was asked for
    std::optional<size_t> cut_after = {};  // the next answer breaks off after so many bytes
    std::string redirect = {};             // answers with this URL in place of the bytes
  };

  TestServer();
  ~TestServer();

  // "http://127.0.0.1:34567".
  std::string url() const;

  void Put(const std::string& path, File file);

  // "GET /path" or "GET /path bytes=10-" of each request so far.
  std::vector<std::string> requests() const;

 private:
  void Serve();
  void Answer(int connection);

  int listening_ = -1;
  int port_ = 0;
  mutable Mutex mutex_;
  std::map<std::string, File> files_ DP_GUARDED_BY(mutex_);
  std::vector<std::string> requests_ DP_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_DATA_FETCH_TEST_SERVER_H_
