#include "worker/data/fetch/test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"

namespace downpour::testing {
namespace {

void SendAll(int connection, const std::string& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t sent = send(connection, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) return;
    at += static_cast<size_t>(sent);
  }
}

std::string ReadHead(int connection) {
  std::string head;
  std::array<char, 4096> piece;
  while (head.find("\r\n\r\n") == std::string::npos) {
    const ssize_t size = recv(connection, piece.data(), piece.size(), 0);
    if (size <= 0) break;
    head.append(piece.data(), static_cast<size_t>(size));
  }
  return head;
}

}  // namespace

TestServer::TestServer() {
  listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(listening_, reinterpret_cast<const sockaddr*>(&address), size) != 0 || listen(listening_, 16) != 0 ||
      getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return;  // fetches fail, and the tests with them
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

TestServer::~TestServer() {
  shutdown(listening_, SHUT_RDWR);
  if (thread_.joinable()) thread_.join();
  close(listening_);
}

std::string TestServer::url() const { return absl::StrCat("http://127.0.0.1:", port_); }

void TestServer::Put(const std::string& path, File file) {
  MutexLock lock(&mutex_);
  files_[path] = std::move(file);
}

std::vector<std::string> TestServer::requests() const {
  MutexLock lock(&mutex_);
  return requests_;
}

void TestServer::Serve() {
  for (;;) {
    const int connection = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    Answer(connection);
    close(connection);
  }
}

void TestServer::Answer(int connection) {
  const std::string head = ReadHead(connection);
  const std::string path = head.substr(4, head.find(' ', 4) - 4);
  const size_t range_at = head.find("Range: ");
  const std::string range =
      range_at == std::string::npos ? "" : head.substr(range_at + 7, head.find("\r\n", range_at) - range_at - 7);
  MutexLock lock(&mutex_);
  requests_.push_back(absl::StrCat("GET ", path, range.empty() ? "" : " ", range));
  const auto found = files_.find(path);
  if (found == files_.end()) {
    return SendAll(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\nConnection: close\r\n\r\nnot here\n");
  }
  File& file = found->second;
  if (!file.redirect.empty()) {
    return SendAll(connection, absl::StrCat("HTTP/1.1 302 Found\r\nLocation: ", file.redirect,
                                            "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
  }
  size_t begin = 0;
  std::string status = "200 OK", extra;
  if (!range.empty() && file.ranges) {
    begin = std::strtoull(range.c_str() + 6, nullptr, 10);  // behind "bytes="
    if (begin >= file.bytes.size()) {
      return SendAll(connection,
                     "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    status = "206 Partial Content";
    extra = absl::StrCat("Content-Range: bytes ", begin, "-", file.bytes.size() - 1, "/", file.bytes.size(), "\r\n");
  }
  std::string body = file.bytes.substr(begin);
  const std::string answer = absl::StrCat("HTTP/1.1 ", status, "\r\n", extra, "Content-Length: ", body.size(),
                                          "\r\nConnection: close\r\n\r\n");
  if (const auto cut = std::exchange(file.cut_after, std::nullopt)) body.resize(std::min(body.size(), *cut));
  SendAll(connection, answer + body);
}

}  // namespace downpour::testing
