#ifndef DOWNPOUR_COMMON_RPC_SHARED_MEMORY_HOST_IDENTITY_H_
#define DOWNPOUR_COMMON_RPC_SHARED_MEMORY_HOST_IDENTITY_H_

#include <string>

namespace downpour {

// 16 bytes that are the same for two processes when they run under one kernel since its start, in one network namespace
// and as one user: then sharing memory is worth a try. Only a hint, and so not a secret; but nothing about the machine
// can be read from it. Empty where it cannot be found out. Any thread.
std::string HostIdentity();

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_SHARED_MEMORY_HOST_IDENTITY_H_
