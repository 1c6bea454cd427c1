#include "tests/data_plane/faulty_proxy.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace downpour {
namespace {

constexpr FaultyProxy::Way kWays[] = {FaultyProxy::Way::kToServer, FaultyProxy::Way::kToClient};

size_t Index(FaultyProxy::Way way) { return static_cast<size_t>(way); }

}  // namespace

absl::StatusOr<std::unique_ptr<FaultyProxy>> FaultyProxy::Start(const std::string& server_address) {
  DP_ASSIGN_OR_RETURN(Socket listener, ListenLoopback(0));
  DP_ASSIGN_OR_RETURN(const uint16_t port, LocalPort(listener));
  const int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0) return absl::ErrnoToStatus(errno, "eventfd");
  return std::unique_ptr<FaultyProxy>(new FaultyProxy(server_address, std::move(listener), port, wake));
}

FaultyProxy::FaultyProxy(std::string server_address, Socket listener, uint16_t port, int wake)
    : listener_(std::move(listener)), port_(port), wake_(wake), server_address_(std::move(server_address)) {
  thread_ = std::thread([this] { Loop(); });
}

FaultyProxy::~FaultyProxy() {
  {
    MutexLock lock(&mutex_);
    ending_ = true;
  }
  Wake();
  thread_.join();
}

std::string FaultyProxy::address() const { return absl::StrCat("127.0.0.1:", port_); }

void FaultyProxy::Wake() { ::eventfd_write(wake_.descriptor(), 1); }

// ---- What tests say

void FaultyProxy::SetServer(const std::string& server_address) {
  MutexLock lock(&mutex_);
  server_address_ = server_address;
}

void FaultyProxy::Refuse() {
  MutexLock lock(&mutex_);
  refuse_ = true;
}

void FaultyProxy::Stall(Way way) {
  MutexLock lock(&mutex_);
  stalled_[Index(way)] = true;
}

void FaultyProxy::Delay(Way way, absl::Duration delay) {
  MutexLock lock(&mutex_);
  delay_[Index(way)] = delay;
}

void FaultyProxy::CutEach(uint64_t seed, uint64_t bytes_min, uint64_t bytes_spread) {
  MutexLock lock(&mutex_);
  cut_each_ = CutEachPlan{seed, bytes_min, std::max<uint64_t>(bytes_spread, 1)};
}

void FaultyProxy::Heal() {
  {
    MutexLock lock(&mutex_);
    refuse_ = false;
    cut_each_.reset();
    for (const Way way : kWays) {
      stalled_[Index(way)] = false;
      delay_[Index(way)] = absl::ZeroDuration();
      cut_plan_[Index(way)].reset();
    }
    for (Connection& connection : connections_) connection.cut_at.reset();
  }
  Wake();
}

void FaultyProxy::CutAt(Way way, uint64_t bytes) {
  MutexLock lock(&mutex_);
  cut_plan_[Index(way)] = CutPlan{bytes, false};
}

void FaultyProxy::TruncateAt(Way way, uint64_t bytes) {
  MutexLock lock(&mutex_);
  cut_plan_[Index(way)] = CutPlan{bytes, true};
}

int FaultyProxy::CutAll() {
  MutexLock lock(&mutex_);
  // A socket that the thread waits for in poll(2) is not reset before that has returned, so the thread has to do it.
  const int request = ++cut_all_requests_;
  Wake();
  while (cut_all_done_ < request) cut_all_changed_.Wait(&mutex_);
  return cut_all_count_;
}

void FaultyProxy::Record() {
  MutexLock lock(&mutex_);
  record_ = true;
}

int FaultyProxy::Replay() {
  int count = 0;
  {
    MutexLock lock(&mutex_);
    for (const std::shared_ptr<std::string>& recording : recordings_) {
      absl::StatusOr<Socket> server = ConnectTcp(server_address_);
      if (!server.ok()) continue;
      Connection& connection = connections_.emplace_back();
      connection.server = *std::move(server);
      connection.to_server.runs.push_back({absl::InfinitePast(), *recording});
      connection.to_server.waiting = recording->size();
      ++count;
    }
  }
  Wake();
  return count;
}

int FaultyProxy::connections() const {
  MutexLock lock(&mutex_);
  return accepted_;
}

int FaultyProxy::cuts() const {
  MutexLock lock(&mutex_);
  return cuts_;
}

uint64_t FaultyProxy::bytes(Way way) const {
  MutexLock lock(&mutex_);
  return bytes_[Index(way)];
}

// ---- What the thread does

void FaultyProxy::Loop() {
  std::vector<pollfd> polls;
  struct Wait {
    Connection* connection;
    Way way;  // reads what goes this way; a socket is written to when what goes the other way may pass
  };
  std::vector<Wait> waits;
  while (true) {
    int timeout_ms = -1;
    polls.clear();
    waits.clear();
    {
      MutexLock lock(&mutex_);
      if (ending_) {
        connections_.clear();
        return;
      }
      connections_.remove_if([](const Connection& connection) { return connection.over; });
      const absl::Time now = absl::Now();
      polls.push_back({listener_.descriptor(), POLLIN, 0});
      polls.push_back({wake_.descriptor(), POLLIN, 0});
      for (Connection& connection : connections_) {
        for (const Way way : kWays) {
          const Socket& from = way == Way::kToServer ? connection.client : connection.server;
          const Pipe& in = way == Way::kToServer ? connection.to_server : connection.to_client;
          const Pipe& out = way == Way::kToServer ? connection.to_client : connection.to_server;
          const Way other = way == Way::kToServer ? Way::kToClient : Way::kToServer;
          if (!from.is_open()) continue;
          int16_t events = 0;
          if (!in.sender_ended && in.waiting < kWaitingMax) events |= POLLIN;
          if (MayPass(out, other, now)) events |= POLLOUT;
          if (!out.runs.empty() && out.runs.front().due > now && !stalled_[Index(other)]) {
            const int due_ms = static_cast<int>(absl::ToInt64Milliseconds(out.runs.front().due - now)) + 1;
            timeout_ms = timeout_ms < 0 ? due_ms : std::min(timeout_ms, due_ms);
          }
          // A socket that nothing is wanted of would still report its end again and again.
          if (events == 0) continue;
          polls.push_back({from.descriptor(), events, 0});
          waits.push_back({&connection, way});
        }
      }
    }
    ::poll(polls.data(), polls.size(), timeout_ms);
    MutexLock lock(&mutex_);
    eventfd_t ignored;
    ::eventfd_read(wake_.descriptor(), &ignored);
    if (cut_all_done_ < cut_all_requests_) CutAllNow();
    const absl::Time now = absl::Now();
    for (size_t i = 0; i < waits.size(); ++i) {
      const int16_t got = polls[i + 2].revents;
      const auto [connection, way] = waits[i];
      if (!connection->over && (got & (POLLIN | POLLHUP | POLLERR)) != 0) ReadSome(*connection, way);
      const Way other = way == Way::kToServer ? Way::kToClient : Way::kToServer;
      if (!connection->over && (got & POLLOUT) != 0) PassOn(*connection, other, now);
    }
    if ((polls[0].revents & POLLIN) != 0) AcceptOne();
  }
}

void FaultyProxy::CutAllNow() {
  cut_all_count_ = 0;
  for (Connection& connection : connections_) {
    if (connection.over) continue;
    ++cut_all_count_;
    ++cuts_;
    Reset(connection);
  }
  cut_all_done_ = cut_all_requests_;
  cut_all_changed_.SignalAll();
}

void FaultyProxy::AcceptOne() {
  absl::StatusOr<Socket> client = Accept(listener_);
  if (!client.ok()) return;
  ++accepted_;
  if (refuse_) {
    ++cuts_;
    client->Reset();
    return;
  }
  absl::StatusOr<Socket> server = ConnectTcp(server_address_);
  if (!server.ok()) {
    client->Reset();
    return;
  }
  // Delays are the faults' business.
  if (!TuneTcp(*client, "").ok() || !TuneTcp(*server, "").ok()) return;
  Connection& connection = connections_.emplace_back();
  connection.client = *std::move(client);
  connection.server = *std::move(server);
  if (cut_each_.has_value()) {
    std::seed_seq seed = {cut_each_->seed, cut_each_->connection++};
    std::mt19937_64 random(seed);
    connection.cut_at = cut_each_->bytes_min + random() % cut_each_->bytes_spread;
  }
  if (record_) {
    connection.recording = std::make_shared<std::string>();
    recordings_.push_back(connection.recording);
  }
}

void FaultyProxy::ReadSome(Connection& connection, Way way) {
  const bool to_server = way == Way::kToServer;
  const Socket& from = to_server ? connection.client : connection.server;
  Pipe& pipe = to_server ? connection.to_server : connection.to_client;
  std::array<char, 64 << 10> buffer;
  const ssize_t received = ::recv(from.descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (received < 0) {
    if (errno != EAGAIN && errno != EINTR) Reset(connection);
    return;
  }
  if (received == 0) {
    pipe.sender_ended = true;
    if (!connection.client.is_open()) Reset(connection);  // the end of a replay
  } else {
    if (connection.recording != nullptr && to_server) {
      connection.recording->append(buffer.data(),
                                   std::min<size_t>(received, kRecordingMax - connection.recording->size()));
    }
    if (pipe.truncated || (!to_server && !connection.client.is_open())) return;
    pipe.runs.push_back({absl::Now() + delay_[Index(way)], std::string(buffer.data(), received)});
    pipe.waiting += received;
  }
  PassOn(connection, way, absl::Now());
}

bool FaultyProxy::MayPass(const Pipe& pipe, Way way, absl::Time now) const {
  if (stalled_[Index(way)]) return false;
  if (!pipe.runs.empty()) return pipe.runs.front().due <= now;
  return (pipe.sender_ended || pipe.truncated) && !pipe.receiver_told;
}

void FaultyProxy::PassOn(Connection& connection, Way way, absl::Time now) {
  const bool to_server = way == Way::kToServer;
  const Socket& to = to_server ? connection.server : connection.client;
  Pipe& pipe = to_server ? connection.to_server : connection.to_client;
  if (!to.is_open()) return;
  while (MayPass(pipe, way, now) && !pipe.runs.empty()) {
    Run& run = pipe.runs.front();
    Then then = Then::kGoOn;
    const size_t allowed = Allowed(connection, way, run.bytes.size(), &then);
    const ssize_t sent =
        allowed == 0 ? 0 : ::send(to.descriptor(), run.bytes.data(), allowed, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) Reset(connection);
      return;
    }
    CountPassed(connection, way, sent);
    pipe.waiting -= sent;
    run.bytes.erase(0, sent);
    if (run.bytes.empty()) pipe.runs.pop_front();
    if (static_cast<size_t>(sent) < allowed) return;
    if (then == Then::kGoOn) continue;
    ++cuts_;
    cut_plan_[Index(way)].reset();
    if (then == Then::kCut) return Reset(connection);
    pipe.runs.clear();
    pipe.waiting = 0;
    pipe.truncated = true;
  }
  if (pipe.runs.empty() && MayPass(pipe, way, now)) {
    const Pipe& back = to_server ? connection.to_client : connection.to_server;
    if (back.truncated) return Reset(connection);
    ::shutdown(to.descriptor(), SHUT_WR);
    pipe.receiver_told = true;
    if (back.receiver_told) {
      connection.client.Close();
      connection.server.Close();
      connection.over = true;
    }
  }
}

size_t FaultyProxy::Allowed(const Connection& connection, Way way, size_t bytes, Then* then) {
  if (connection.cut_at.has_value() && connection.passed + bytes >= *connection.cut_at) {
    bytes = *connection.cut_at - std::min(connection.passed, *connection.cut_at);
    *then = Then::kCut;
  }
  const std::optional<CutPlan>& plan = cut_plan_[Index(way)];
  if (plan.has_value() && bytes >= plan->bytes_left) {
    bytes = plan->bytes_left;
    *then = plan->truncate ? Then::kTruncate : Then::kCut;
  }
  return bytes;
}

void FaultyProxy::CountPassed(Connection& connection, Way way, size_t bytes) {
  connection.passed += bytes;
  bytes_[Index(way)] += bytes;
  if (cut_plan_[Index(way)].has_value()) cut_plan_[Index(way)]->bytes_left -= bytes;
}

void FaultyProxy::Reset(Connection& connection) {
  connection.client.Reset();
  connection.server.Reset();
  connection.over = true;
}

}  // namespace downpour
