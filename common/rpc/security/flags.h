#ifndef DOWNPOUR_COMMON_RPC_SECURITY_FLAGS_H_
#define DOWNPOUR_COMMON_RPC_SECURITY_FLAGS_H_

#include "CLI/CLI.hpp"
#include "common/rpc/security/options.h"

namespace downpour {

// The flags of SecurityOptions, in a group of their own. `options` outlives the parsing.
void RegisterServerSecurity(CLI::App* app, SecurityOptions* options);
void RegisterClientSecurity(CLI::App* app, SecurityOptions* options);
// Of a program that is both.
void RegisterPeerSecurity(CLI::App* app, SecurityOptions* options);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_SECURITY_FLAGS_H_
