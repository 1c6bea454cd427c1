#ifndef DOWNPOUR_TESTS_SECURITY_SERVER_PROCESS_H_
#define DOWNPOUR_TESTS_SECURITY_SERVER_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace downpour::testing {

// A real downpour_server, killed at the end.
class ServerProcess {
 public:
  // Starts it with these flags, and waits until it listens or has ended.
  explicit ServerProcess(const std::vector<std::string>& flags);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  pid_t pid() const { return pid_; }
  int port() const { return port_; }                // 0: it has ended
  int exit_status() const { return exit_status_; }  // if it has ended
  const std::string& complaint() const { return complaint_; }

  // Whether memory for payloads is mapped in it.
  bool HasSharedMemory() const;

  void Kill();

 private:
  pid_t pid_ = -1;
  int port_ = 0;
  int exit_status_ = -1;
  std::string complaint_;  // what it wrote to stderr, once it has ended
};

}  // namespace downpour::testing

#endif  // DOWNPOUR_TESTS_SECURITY_SERVER_PROCESS_H_
