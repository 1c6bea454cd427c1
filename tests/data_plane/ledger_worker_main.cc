// A worker process for tests that kill it: pushes a run of the ledger's pushes to one table, several under way at a
// time, and writes a line for each acknowledgement.
//
//   ledger_worker ADDRESS TABLE FIRST_PUSH PUSHES
#include <unistd.h>

#include <cstdio>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/data_plane/fault_world.h"

int main(int argc, char** argv) {
  using namespace downpour;
  uint32_t table = 0;
  uint32_t first = 0;
  uint32_t pushes = 0;
  if (argc != 5 || !absl::SimpleAtoi(argv[2], &table) || !absl::SimpleAtoi(argv[3], &first) ||
      !absl::SimpleAtoi(argv[4], &pushes)) {
    std::fprintf(stderr, "usage: ledger_worker ADDRESS TABLE FIRST_PUSH PUSHES\n");
    return 2;
  }
  Ledger ledger(*ShardMap::FromProto(FaultJob().shard_map()));
  for (uint32_t i = 0; i < first; ++i) ledger.Add(table);  // others'
  LedgerClient::Options options;
  options.address = argv[1];
  const auto client = LedgerClient::Join(options, &ledger);
  if (!client.ok()) {
    std::fprintf(stderr, "ledger_worker: %s\n", client.status().ToString().c_str());
    return 1;
  }
  uint32_t settled = 0;
  const auto settle = [&] {
    const absl::Status status = (*client)->Settle();
    if (!status.ok()) {
      std::fprintf(stderr, "ledger_worker: %s\n", status.ToString().c_str());
      return false;
    }
    // One write, so that a line is there whole or not at all.
    const std::string line = absl::StrCat("applied ", first + settled++, "\n");
    return ::write(STDOUT_FILENO, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  };
  for (uint32_t i = 0; i < pushes; ++i) {
    if (!(*client)->Push(table)) return 1;
    if ((*client)->under_way() == 3 && !settle()) return 1;
  }
  while ((*client)->under_way() > 0) {
    if (!settle()) return 1;
  }
  return 0;
}
