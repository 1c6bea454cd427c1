#ifndef DOWNPOUR_COMMON_RPC_TASK_STATUS_H_
#define DOWNPOUR_COMMON_RPC_TASK_STATUS_H_

#include <string>

#include "proto/status.pb.h"

namespace downpour {

// What every task tells of itself: version, process, uptime. The state is the task's own to add.
wire::TaskStatus DescribeTask(const std::string& task, const std::string& address);

// The name of the field that is set of a oneof: "async", "momentum"; empty for none.
std::string NameOfRule(const google::protobuf::Message& message, const char* oneof = "rule");

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_TASK_STATUS_H_
