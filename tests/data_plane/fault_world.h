#ifndef DOWNPOUR_TESTS_DATA_PLANE_FAULT_WORLD_H_
#define DOWNPOUR_TESTS_DATA_PLANE_FAULT_WORLD_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sharding/shard_map.h"
#include "proto/control.pb.h"
#include "tests/data_plane/child_process.h"
#include "tests/data_plane/ledger.h"
#include "worker/client/ps_client.h"

// What the fault tests are made of: a real server process, clients, and a ledger of everything that was pushed.

namespace downpour {

// The job of all fault tests, as the ledger wants it: zeros, SGD with rate 1, async. Tables of one shard of 70,001
// elements, of three shards (10 MiB; in pieces of their own), and of 1,000 elements.
wire::CreateJobRequest FaultJob(char fingerprint = 'f', uint64_t epoch = 1);
inline constexpr TableIndex kFaultTables = 3;
inline constexpr TableIndex kMediumTable = 0, kLargeTable = 1, kSmallTable = 2;

// A `downpour_server` process.
class FaultServer {
 public:
  // At a port that was free a moment ago; `flags` beside that.
  static absl::StatusOr<std::unique_ptr<FaultServer>> Start(std::vector<std::string> flags = {});
  // Another one at the same address, empty, once the process has ended.
  absl::Status StartAgain();

  const std::string& address() const { return address_; }
  ChildProcess& process() { return *process_; }

 private:
  std::vector<std::string> flags_;
  std::string address_;
  std::unique_ptr<ChildProcess> process_;
};

// A client whose pushes are written in a ledger. Not thread-safe.
class LedgerClient {
 public:
  struct Options {
    uint32_t worker = 0;
    std::string address;  // of the server, or of a proxy before it
    absl::Duration operation_timeout = absl::Seconds(50);
    wire::CreateJobRequest job = FaultJob();
  };
  static absl::StatusOr<std::unique_ptr<LedgerClient>> Join(const Options& options, Ledger* ledger);

  // Begins a push of that table. False: the ledger has no more room for it.
  bool Push(TableIndex table);

  // Waits for the oldest push under way, writes into the ledger what the client was told of it, and gives its status.
  absl::Status Settle();
  // All of them; the first error.
  absl::Status SettleAll();
  size_t under_way() const { return under_way_.size(); }

  // Of the whole table, now.
  absl::StatusOr<std::vector<float>> Pull(TableIndex table);

  PsClient& client() { return *client_; }

 private:
  struct UnderWay {
    Ledger::Push push;
    OperationHandle operation;
  };

  LedgerClient(std::unique_ptr<PsClient> client, Ledger* ledger) : client_(std::move(client)), ledger_(ledger) {}

  const std::unique_ptr<PsClient> client_;
  Ledger* const ledger_;
  std::deque<UnderWay> under_way_;
  uint64_t clock_ = 0;
};

// Holds the weights of the server at `address` against the ledger, through a client of its own that joins as worker 99.
absl::Status AuditServer(const std::string& address, const Ledger& ledger);

}  // namespace downpour

#endif  // DOWNPOUR_TESTS_DATA_PLANE_FAULT_WORLD_H_
