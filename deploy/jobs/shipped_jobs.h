// The job files of this folder, inside of programs.
#ifndef DOWNPOUR_DEPLOY_JOBS_SHIPPED_JOBS_H_
#define DOWNPOUR_DEPLOY_JOBS_SHIPPED_JOBS_H_

#include <span>
#include <string_view>

namespace downpour {

struct ShippedJob {
  std::string_view name;  // of the file, without ".textproto"
  std::string_view text;  // of a JobConfig; the models that it names are those of deploy/models
};

// By name, in alphabetical order.
std::span<const ShippedJob> ShippedJobs();

}  // namespace downpour

#endif  // DOWNPOUR_DEPLOY_JOBS_SHIPPED_JOBS_H_
