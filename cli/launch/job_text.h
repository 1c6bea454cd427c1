#ifndef DOWNPOUR_CLI_LAUNCH_JOB_TEXT_H_
#define DOWNPOUR_CLI_LAUNCH_JOB_TEXT_H_

#include <string>

#include "worker/train/job.h"

namespace downpour {

// A job as a file that can be read anywhere: whole, its model and overrides in it, and what it names relative to its
// own folder by full paths. Files of data stay as they are where `data_dir`, that of the command line, says where to
// look.
std::string MakeJobText(const LoadedJob& job, const std::string& data_dir);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_LAUNCH_JOB_TEXT_H_
