// Whom the tools ask, and how they are let in.
#ifndef DOWNPOUR_CLI_STATUS_CONNECTION_FLAGS_H_
#define DOWNPOUR_CLI_STATUS_CONNECTION_FLAGS_H_

#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "cli/status/status_client.h"
#include "common/rpc/security/options.h"

namespace downpour {

// Addresses as words of the command, or of the tasks in --cluster=FILE, or of DOWNPOUR_SERVERS; and the flags of TLS.
class ConnectionFlags {
 public:
  // Adds ADDRESS..., --cluster and the flags of TLS. `words` names and describes what else may stand among the
  // addresses. `this` outlives the parsing.
  void Register(CLI::App* command, const std::string& words = "ADDRESS", const std::string& help = "");

  // The words of the command that are no addresses: "worker/3".
  std::vector<std::string> TaskWords() const;

  // HOST:PORT of whom to ask. INVALID_ARGUMENT says what to write.
  absl::StatusOr<std::vector<std::string>> Addresses() const;

  // A client that asks with these flags; INVALID_ARGUMENT, ... where a file is no good.
  absl::StatusOr<std::unique_ptr<StatusClient>> Connect() const;

 private:
  absl::StatusOr<SecurityOptions> Security() const;

  std::vector<std::string> words_;
  std::string cluster_file_;
  SecurityOptions security_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_CONNECTION_FLAGS_H_
