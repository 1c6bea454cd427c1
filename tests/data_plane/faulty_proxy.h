// A TCP proxy in front of a server that does to connections what networks do: it cuts them in the middle of a message,
// stalls and delays them, ends them early, refuses them, and plays what a client sent once more.
#ifndef DOWNPOUR_TESTS_DATA_PLANE_FAULTY_PROXY_H_
#define DOWNPOUR_TESTS_DATA_PLANE_FAULTY_PROXY_H_

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/transport/socket.h"
#include "common/base/mutex.h"

namespace downpour {

// Thread-safe. What a method does has been done when it returns, for open connections too. A reset throws away what the
// proxy has received and not passed on.
class FaultyProxy {
 public:
  enum class Way { kToServer, kToClient };

  // Listens at a free port of the loopback interface, for as long as the proxy lives.
  static absl::StatusOr<std::unique_ptr<FaultyProxy>> Start(const std::string& server_address);
  ~FaultyProxy();
  FaultyProxy(const FaultyProxy&) = delete;
  FaultyProxy& operator=(const FaultyProxy&) = delete;

  std::string address() const;

  // Of connections to come: the server has moved.
  void SetServer(const std::string& server_address);

  // ---- Until Heal()

  // Resets every new connection at once.
  void Refuse();
  // Passes nothing on; what comes waits.
  void Stall(Way way);
  // Passes each run of bytes on so much later.
  void Delay(Way way, absl::Duration delay);
  // Resets each connection to come when it has passed so many bytes, both ways together: `bytes_min` and a number that
  // is drawn from the seed for each connection, below `bytes_spread`. The n-th connection is cut at the same byte in
  // each run.
  void CutEach(uint64_t seed, uint64_t bytes_min, uint64_t bytes_spread);
  void Heal();

  // ---- Once

  // Of the bytes that pass from now on in this way, over all connections, `bytes` are the last that pass on the
  // connection that has them: then it is reset, or, truncated, ended in that way as if the sender had nothing more to
  // say, and reset when the receiver has ended too.
  void CutAt(Way way, uint64_t bytes);
  void TruncateAt(Way way, uint64_t bytes);
  // Resets all open connections; returns how many.
  int CutAll();

  // ---- Again

  // Keeps what each client sends on connections to come, to the first 16 MiB.
  void Record();
  // Makes a new connection to the server for each recorded one and sends the same bytes; answers are thrown away.
  // Returns how many.
  int Replay();

  // ---- What has been
  int connections() const;  // accepted
  int cuts() const;         // reset or truncated by a fault
  uint64_t bytes(Way way) const;

 private:
  using Due = absl::Time;
  struct Run {
    Due due;
    std::string bytes;
  };
  struct Pipe {
    std::deque<Run> runs;
    size_t waiting = 0;  // bytes in them
    bool sender_ended = false;
    bool receiver_told = false;  // of the end
    bool truncated = false;      // what comes is thrown away
  };
  struct Connection {
    Socket client;  // not open: a replay
    Socket server;
    Pipe to_server;
    Pipe to_client;
    uint64_t passed = 0;
    std::optional<uint64_t> cut_at;  // of `passed`
    std::shared_ptr<std::string> recording;
    bool over = false;
  };
  struct CutPlan {
    uint64_t bytes_left = 0;
    bool truncate = false;
  };

  FaultyProxy(std::string server_address, Socket listener, uint16_t port, int wake);

  void Loop();
  void AcceptOne() DP_REQUIRES(mutex_);
  void CutAllNow() DP_REQUIRES(mutex_);
  void ReadSome(Connection& connection, Way way) DP_REQUIRES(mutex_);
  void PassOn(Connection& connection, Way way, absl::Time now) DP_REQUIRES(mutex_);
  // How many of `bytes` may pass now; and what is to be done to the connection after them.
  enum class Then { kGoOn, kCut, kTruncate };
  size_t Allowed(const Connection& connection, Way way, size_t bytes, Then* then) DP_REQUIRES(mutex_);
  void CountPassed(Connection& connection, Way way, size_t bytes) DP_REQUIRES(mutex_);
  void Reset(Connection& connection) DP_REQUIRES(mutex_);
  bool MayPass(const Pipe& pipe, Way way, absl::Time now) const DP_REQUIRES(mutex_);
  void Wake();

  static constexpr size_t kWaitingMax = size_t{1} << 20;
  static constexpr size_t kRecordingMax = size_t{16} << 20;

  const Socket listener_;
  const uint16_t port_;
  const Socket wake_;  // an eventfd

  mutable Mutex mutex_;
  std::string server_address_ DP_GUARDED_BY(mutex_);
  std::list<Connection> connections_ DP_GUARDED_BY(mutex_);
  bool refuse_ DP_GUARDED_BY(mutex_) = false;
  bool stalled_[2] DP_GUARDED_BY(mutex_) = {};
  absl::Duration delay_[2] DP_GUARDED_BY(mutex_);
  std::optional<CutPlan> cut_plan_[2] DP_GUARDED_BY(mutex_);
  struct CutEachPlan {
    uint64_t seed;
    uint64_t bytes_min;
    uint64_t bytes_spread;
    uint64_t connection = 0;
  };
  std::optional<CutEachPlan> cut_each_ DP_GUARDED_BY(mutex_);
  bool record_ DP_GUARDED_BY(mutex_) = false;
  std::vector<std::shared_ptr<std::string>> recordings_ DP_GUARDED_BY(mutex_);
  int accepted_ DP_GUARDED_BY(mutex_) = 0;
  int cuts_ DP_GUARDED_BY(mutex_) = 0;
  uint64_t bytes_[2] DP_GUARDED_BY(mutex_) = {};
  bool ending_ DP_GUARDED_BY(mutex_) = false;
  int cut_all_requests_ DP_GUARDED_BY(mutex_) = 0;
  int cut_all_done_ DP_GUARDED_BY(mutex_) = 0;   // of the requests
  int cut_all_count_ DP_GUARDED_BY(mutex_) = 0;  // of connections, the last time
  CondVar cut_all_changed_;

  std::thread thread_;
};

}  // namespace downpour

#endif  // DOWNPOUR_TESTS_DATA_PLANE_FAULTY_PROXY_H_
