#include "common/rpc/task_status.h"

#include "common/base/process_facts.h"
#include "common/base/version_facts.h"

namespace downpour {

wire::TaskStatus DescribeTask(const std::string& task, const std::string& address) {
  static const std::string version = VersionFacts().front().value;
  const ProcessFacts facts = FindProcessFacts();
  wire::TaskStatus status;
  status.set_task(task);
  status.set_address(address);
  status.set_version(version);
  status.set_uptime_seconds(facts.uptime_seconds);
  status.set_started_unix_ms(facts.started_unix_ms);
  status.set_host(facts.host);
  status.set_pid(facts.pid);
  status.set_cpu_seconds(facts.cpu_seconds);
  status.set_resident_bytes(facts.resident_bytes);
  status.set_cores(facts.cores);
  return status;
}

std::string NameOfRule(const google::protobuf::Message& message, const char* oneof) {
  const google::protobuf::OneofDescriptor* const rule = message.GetDescriptor()->FindOneofByName(oneof);
  const google::protobuf::FieldDescriptor* const field =
      rule == nullptr ? nullptr : message.GetReflection()->GetOneofFieldDescriptor(message, rule);
  return field == nullptr ? "" : field->name();
}

}  // namespace downpour
