// What a process that moves gigabytes over gRPC has to set before it does anything else. Called first by mains, before
// there are threads and before anything of gRPC; nobody else changes settings of the process.
#ifndef DOWNPOUR_COMMON_RPC_PROCESS_SETTINGS_H_
#define DOWNPOUR_COMMON_RPC_PROCESS_SETTINGS_H_

namespace downpour {

// - malloc keeps the memory of received messages instead of giving it back to the kernel and faulting it in again at
//   each of them (push 3.3 -> 4.9 GB/s, pull 2.3 -> 4.9);
// - gRPC polls with poll(2), each completion queue for itself, instead of by one poller for the whole process (unless
//   GRPC_POLL_STRATEGY says otherwise);
// - as many file descriptors as the hard limit allows;
// - what gRPC and protobuf log goes to our logger, and a write to a closed pipe is an error and no signal.
void ApplyProcessSettings();

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_PROCESS_SETTINGS_H_
