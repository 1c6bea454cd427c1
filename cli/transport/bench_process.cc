#include "cli/transport/bench_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

extern char** environ;

namespace downpour {
namespace {

constexpr char kMark[] = "transport-bench-process";
constexpr int kControlDescriptor = 3;

// ---- What goes over the control socket: a status, then what the message is.

absl::Status SendBytes(const Socket& socket, const void* data, uint64_t bytes) {
  return socket.SendBoth(&bytes, sizeof(bytes), data, bytes);
}

absl::StatusOr<std::string> ReceiveBytes(const Socket& socket) {
  uint64_t bytes;
  DP_RETURN_IF_ERROR(socket.Receive(&bytes, sizeof(bytes)));
  std::string data(bytes, '\0');
  DP_RETURN_IF_ERROR(socket.Receive(data.data(), bytes));
  return data;
}

absl::Status SendStatus(const Socket& socket, const absl::Status& status) {
  const int32_t code = status.raw_code();
  DP_RETURN_IF_ERROR(socket.Send(&code, sizeof(code)));
  return SendBytes(socket, status.message().data(), status.message().size());
}

absl::Status ReceiveStatus(const Socket& socket) {
  int32_t code;
  DP_RETURN_IF_ERROR(socket.Receive(&code, sizeof(code)));
  DP_ASSIGN_OR_RETURN(const std::string message, ReceiveBytes(socket));
  return absl::Status(static_cast<absl::StatusCode>(code), message);
}

struct ResultHead {
  double begin_seconds;
  double end_seconds;
  uint64_t operations;
  uint64_t latencies;
};

absl::Status SendResult(const Socket& socket, const TurnResult& result) {
  const ResultHead head = {result.begin_seconds, result.end_seconds, result.operations, result.latencies.size()};
  return socket.SendBoth(&head, sizeof(head), result.latencies.data(), result.latencies.size() * sizeof(float));
}

absl::StatusOr<TurnResult> ReceiveResult(const Socket& socket) {
  ResultHead head;
  DP_RETURN_IF_ERROR(socket.Receive(&head, sizeof(head)));
  TurnResult result = {head.begin_seconds, head.end_seconds, head.operations, std::vector<float>(head.latencies)};
  DP_RETURN_IF_ERROR(socket.Receive(result.latencies.data(), head.latencies * sizeof(float)));
  return result;
}

// ---- The command line

std::vector<std::string> Arguments(const BenchProcessSpec& spec) {
  const char* role = spec.all_clients ? "all" : spec.server ? "server" : "client";
  return {kMark,
          spec.transport,
          role,
          absl::StrCat(spec.client.value_or(0)),
          absl::StrCat(spec.shape.tensor_bytes),
          absl::StrCat(spec.shape.tensors),
          absl::StrCat(spec.shape.clients),
          absl::StrCat(spec.shape.push),
          absl::StrCat(spec.shape.pull),
          spec.address};
}

absl::StatusOr<BenchProcessSpec> ReadArguments(const std::vector<std::string>& arguments) {
  BenchProcessSpec spec;
  int client = 0;
  int push = 0;
  int pull = 0;
  if (arguments.size() != 10 || !absl::SimpleAtoi(arguments[3], &client) ||
      !absl::SimpleAtoi(arguments[4], &spec.shape.tensor_bytes) ||
      !absl::SimpleAtoi(arguments[5], &spec.shape.tensors) || !absl::SimpleAtoi(arguments[6], &spec.shape.clients) ||
      !absl::SimpleAtoi(arguments[7], &push) || !absl::SimpleAtoi(arguments[8], &pull)) {
    return absl::InvalidArgumentError("a benchmark starts this by itself: use `downpour bench transport`");
  }
  spec.transport = arguments[1];
  spec.all_clients = arguments[2] == "all";
  spec.server = spec.all_clients || arguments[2] == "server";
  if (arguments[2] == "client") spec.client = client;
  spec.shape.push = push != 0;
  spec.shape.pull = pull != 0;
  spec.address = arguments[9];
  return spec;
}

// ---- The process itself

struct Ends {
  std::unique_ptr<TransportServer> server;
  std::vector<std::unique_ptr<TransportClient>> clients;  // go before the server
};

absl::StatusOr<Ends> MakeEnds(const BenchProcessSpec& spec, Transports transports) {
  const Transport* transport = nullptr;
  for (const auto& candidate : transports) {
    if (candidate->name() == spec.transport) transport = candidate.get();
  }
  if (transport == nullptr) return absl::NotFoundError(absl::StrCat("there is no transport \"", spec.transport, "\""));
  Ends ends;
  if (spec.server) {
    DP_ASSIGN_OR_RETURN(ends.server, transport->Serve(spec.shape));
  }
  const int begin = spec.client.value_or(0);
  const int end = spec.all_clients ? spec.shape.clients : spec.client.has_value() ? begin + 1 : begin;
  for (int client = begin; client < end; ++client) {
    const std::string address = ends.server != nullptr ? ends.server->address() : spec.address;
    DP_ASSIGN_OR_RETURN(auto connected, transport->Connect(spec.shape, address, client, ends.server.get()));
    ends.clients.push_back(std::move(connected));
  }
  return ends;
}

absl::Status DoTurn(const Socket& control, Ends& ends, const TransportShape& shape, const Turn& turn) {
  std::vector<absl::StatusOr<TurnResult>> results(ends.clients.size(), absl::UnknownError("not run"));
  std::vector<std::thread> others;
  for (size_t i = 1; i < results.size(); ++i) {
    others.emplace_back([&, i] { results[i] = RunTurn(*ends.clients[i], shape, turn); });
  }
  if (!results.empty()) results[0] = RunTurn(*ends.clients[0], shape, turn);
  for (std::thread& other : others) other.join();
  for (const absl::StatusOr<TurnResult>& result : results) {
    DP_RETURN_IF_ERROR(SendStatus(control, result.status()));
    if (result.ok()) DP_RETURN_IF_ERROR(SendResult(control, *result));
  }
  return absl::OkStatus();
}

absl::Status ServeTurns(const Socket& control, const BenchProcessSpec& spec, Transports transports) {
  absl::StatusOr<Ends> ends = MakeEnds(spec, transports);
  DP_RETURN_IF_ERROR(SendStatus(control, ends.status()));
  if (!ends.ok()) return ends.status();
  const std::string address = ends->server != nullptr ? ends->server->address() : "";
  DP_RETURN_IF_ERROR(SendBytes(control, address.data(), address.size()));
  Turn turn;
  while (control.Receive(&turn, sizeof(turn)).ok()) DP_RETURN_IF_ERROR(DoTurn(control, *ends, spec.shape, turn));
  return absl::OkStatus();
}

}  // namespace

bool IsBenchProcess(int argc, char** argv) { return argc > 1 && std::strcmp(argv[1], kMark) == 0; }

int BenchProcessMain(int argc, char** argv, Transports transports) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const absl::StatusOr<BenchProcessSpec> spec = ReadArguments({argv + 1, argv + argc});
  if (!spec.ok()) {
    std::fprintf(stderr, "downpour: %s\n", spec.status().ToString().c_str());
    return 2;
  }
  return ServeTurns(Socket(kControlDescriptor), *spec, transports).ok() ? 0 : 1;
}

absl::StatusOr<std::unique_ptr<BenchProcess>> BenchProcess::Start(const BenchProcessSpec& spec) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return absl::ErrnoToStatus(errno, "making a socket pair");
  }
  Socket mine(pair[0]);
  Socket its(pair[1]);

  std::vector<std::string> arguments = Arguments(spec);
  char program[] = "downpour";
  std::vector<char*> argv = {program};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  // Where the socket is that number already, dup2 alone would leave it to be closed on exec; glibc sees to that.
  ::posix_spawn_file_actions_adddup2(&actions, its.descriptor(), kControlDescriptor);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return absl::ErrnoToStatus(error, "starting a process of the benchmark");

  const size_t clients = spec.all_clients ? spec.shape.clients : spec.client.has_value() ? 1 : 0;
  std::unique_ptr<BenchProcess> process(new BenchProcess(pid, std::move(mine), clients));
  // From here on the other end of the socket is the process's alone, so its end is seen.
  its.Close();
  const std::string what = absl::StrCat("a process of transport ", spec.transport);
  DP_RETURN_IF_ERROR(Annotate(ReceiveStatus(process->control_), what));
  DP_ASSIGN_OR_RETURN(process->address_, Annotate(ReceiveBytes(process->control_), what));
  return process;
}

BenchProcess::~BenchProcess() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

double BenchProcess::CpuSeconds() const {
  clockid_t clock;
  timespec time = {};
  if (::clock_getcpuclockid(pid_, &clock) == 0) ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

size_t BenchProcess::PeakBytes() const {
  std::FILE* const status = std::fopen(absl::StrCat("/proc/", pid_, "/status").c_str(), "r");
  if (status == nullptr) return 0;
  char line[256];
  size_t kib = 0;
  while (std::fgets(line, sizeof(line), status) != nullptr) {
    if (std::sscanf(line, "VmHWM: %zu", &kib) == 1) break;
  }
  std::fclose(status);
  return kib << 10;
}

absl::Status BenchProcess::Begin(const Turn& turn) { return control_.Send(&turn, sizeof(turn)); }

absl::StatusOr<std::vector<TurnResult>> BenchProcess::Collect() {
  std::vector<TurnResult> results;
  for (size_t i = 0; i < clients_; ++i) {
    DP_RETURN_IF_ERROR(ReceiveStatus(control_));  // after a failure the benchmark is over
    DP_ASSIGN_OR_RETURN(TurnResult result, ReceiveResult(control_));
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace downpour
