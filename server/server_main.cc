// The `downpour_server` program: one parameter server, from its command line to its last connection.

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/exit_status.h"
#include "common/base/log.h"
#include "common/base/port_file.h"
#include "common/base/process_facts.h"
#include "common/base/program.h"
#include "common/base/status.h"
#include "common/rpc/process_settings.h"
#include "common/rpc/security/credentials.h"
#include "common/rpc/shared_memory/channels.h"
#include "server/server_flags.h"
#include "server/service/grpc_server.h"
#include "server/service/job_host.h"

namespace downpour {
namespace {

// So often it is looked whether a worker has fallen silent: the time-out is late by no more than this part of itself.
constexpr int kSweepsInTimeout = 8;

// What streams and calls get to end by themselves once they have been drained.
constexpr absl::Duration kLastPatience = absl::Seconds(1);

uint64_t DrawIncarnation() {
  std::random_device device;
  uint64_t drawn = 0;
  while (drawn == 0) drawn = (uint64_t{device()} << 32) | device();
  return drawn;
}

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// Waits for a stop signal; false: the time is up.
bool WaitForSignal(const sigset_t& signals, absl::Duration timeout) {
  const timespec time = absl::ToTimespec(timeout);
  int signal = -1;
  do {
    signal = sigtimedwait(&signals, nullptr, &time);
  } while (signal < 0 && errno == EINTR);
  return signal > 0;
}

void Drain(JobHost* host, GrpcServer* server, absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  server->SetServing(false);
  host->Drain();
  while (host->session_count() > 0 && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(5));
  if (host->session_count() > 0) {
    DP_LOG(WARNING) << host->session_count() << " exchanges did not end within " << limit << "; cutting them";
  }
  server->Shutdown(kLastPatience);
}

// Beside half of the memory, which is more than what a job keeps of received pushes, for what is on its way to them.
constexpr size_t kReceivedBytesSlack = size_t{64} << 20;

absl::StatusOr<GrpcServerOptions> OptionsOf(const ServerFlags& flags, const ServerSetup& setup, size_t memory_max,
                                            ServerPayloadChannels* channels) {
  GrpcServerOptions options;
  options.listen = setup.listen;
  options.allow_plaintext = setup.security.insecure_allow_plaintext;
  options.connections_max = flags.connections_max;
  options.payload_channels = channels;
  options.received_bytes_max = memory_max / 2 + kReceivedBytesSlack;
  // The CA by which a server would know others is of no use where it lets everybody in.
  SecurityOptions security = setup.security;
  if (!flags.cluster.empty() && !security.client_cert_auth) security.trusted_ca_file.clear();
  options.authorizer = MakeAuthorizer(security);
  DP_RETURN_IF_ERROR(CheckServerOptions(security));
  if (security.tls()) {
    DP_ASSIGN_OR_RETURN(options.credentials, MakeServerCredentials(security, options.authorizer));
  }
  return options;
}

// Null where it is not wanted, or where the system has none.
std::unique_ptr<SharedMemoryServerChannels> StartSharedMemory(const ServerFlags& flags) {
  if (!flags.shared_memory) return nullptr;
  auto channels = SharedMemoryServerChannels::Start();
  if (channels.ok()) return *std::move(channels);
  DP_LOG(WARNING) << "serving without shared memory: " << channels.status();
  return nullptr;
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "downpour_server: %s\n", std::string(status.message()).c_str());
  return absl::IsInternal(status) ? kExitFailed : kExitUsage;
}

int Serve(const ServerFlags& flags) {
  const absl::StatusOr<ServerSetup> setup = SetUpServer(flags);
  if (!setup.ok()) return Fail(setup.status());

  // Before there are threads, which inherit it: the signals are for this one.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const std::unique_ptr<SharedMemoryServerChannels> channels = StartSharedMemory(flags);
  const size_t memory_max = flags.memory_max > 0 ? flags.memory_max : DefaultMemoryMax();
  auto options = OptionsOf(flags, *setup, memory_max, channels.get());
  if (!options.ok()) return Fail(options.status());

  const absl::Duration heartbeat_timeout = absl::Seconds(flags.heartbeat_timeout);
  JobHost host({.server = setup->server,
                .server_incarnation = DrawIncarnation(),
                .memory_max = memory_max,
                .heartbeat_timeout = heartbeat_timeout,
                .tasks = setup->tasks,
                .shut_down = [] { kill(getpid(), SIGTERM); }});
  options->status = &host;
  auto server = GrpcServer::Start(*options, &host, &host);
  if (!server.ok()) return Fail(server.status());
  if (!flags.port_file.empty()) {
    if (const absl::Status written = WritePortFile(flags.port_file, (*server)->port()); !written.ok()) {
      return Fail(written);
    }
  }
  host.SetAddress(setup->address.empty() ? (*server)->address() : setup->address);
  std::printf("listening on %s\n", (*server)->address().c_str());
  std::fflush(stdout);
  (*server)->SetServing(true);
  DP_LOG(INFO) << flags.task << " serves at " << (*server)->address() << ", incarnation " << host.server_incarnation();

  const absl::Time give_up_at =
      flags.wait_for_job > 0 ? absl::Now() + absl::Seconds(flags.wait_for_job) : absl::InfiniteFuture();
  bool in_vain = false;
  while (!in_vain && !WaitForSignal(signals, heartbeat_timeout / kSweepsInTimeout)) {
    host.Sweep();
    in_vain = absl::Now() > give_up_at && host.job() == nullptr;
  }
  if (in_vain) DP_LOG(ERROR) << "no worker has come within --wait_for_job=" << flags.wait_for_job << " seconds";

  DP_LOG(INFO) << "stopping: finishing what is open";
  std::atomic<bool> drained{false};
  std::thread draining([&] {
    Drain(&host, server->get(), absl::Seconds(flags.drain_timeout));
    drained.store(true, std::memory_order_release);
  });
  while (!drained.load(std::memory_order_acquire)) {
    if (!WaitForSignal(signals, absl::Milliseconds(20))) continue;
    std::fputs("downpour_server: stopped at once\n", stderr);
    _exit(kExitInterrupted);
  }
  draining.join();
  server->reset();
  DP_LOG(INFO) << "stopped";
  return in_vain ? kExitFailed : kExitDone;
}

}  // namespace
}  // namespace downpour

int main(int argc, char** argv) {
  downpour::FindProcessFacts();  // uptime counts from here
  downpour::ApplyProcessSettings();
  CLI::App app("Holds shards of a model, applies what workers push and answers what they pull.", "downpour_server");
  downpour::ServerFlags flags;
  flags.Register(&app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? downpour::kExitDone : downpour::kExitUsage;
  }
  if (const std::optional<int> status = downpour::StartProgram(flags.program)) return *status;
  return downpour::Serve(flags);
}
