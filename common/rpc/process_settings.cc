#include "common/rpc/process_settings.h"

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string>

#include "common/base/log.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"

namespace downpour {
namespace {

constexpr int kMmapThresholdBytes = 1 << 30;
constexpr int kTrimThresholdBytes = 2'000'000'000;
constexpr int kTopPadBytes = 64 << 20;
constexpr rlim_t kDescriptorsMax = 1 << 20;  // more makes programs slow that close all there may be

void SetAllocator() {
  mallopt(M_MMAP_THRESHOLD, kMmapThresholdBytes);
  mallopt(M_TRIM_THRESHOLD, kTrimThresholdBytes);
  mallopt(M_TOP_PAD, kTopPadBytes);
}

void RaiseDescriptorLimit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min(limit.rlim_max, kDescriptorsMax);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void LogOfGrpc(gpr_log_func_args* args) {
  if (args->severity == GPR_LOG_SEVERITY_ERROR) {
    DP_LOG_EVERY(WARNING, absl::Seconds(1)) << "gRPC: " << args->message;
  } else {
    DP_LOG(DEBUG) << "gRPC: " << args->message;
  }
}

void LogOfProtobuf(google::protobuf::LogLevel level, const char*, int, const std::string& message) {
  if (level >= google::protobuf::LOGLEVEL_WARNING) {
    DP_LOG_EVERY(WARNING, absl::Seconds(1)) << "protobuf: " << message;
  }
}

}  // namespace

void ApplyProcessSettings() {
  SetAllocator();
  setenv("GRPC_POLL_STRATEGY", "poll", /*overwrite=*/0);
  RaiseDescriptorLimit();
  std::signal(SIGPIPE, SIG_IGN);
  gpr_set_log_function(&LogOfGrpc);
  google::protobuf::SetLogHandler(&LogOfProtobuf);
}

}  // namespace downpour
