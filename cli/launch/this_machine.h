// What a launch asks of the machine that it is called on.
#ifndef DOWNPOUR_CLI_LAUNCH_THIS_MACHINE_H_
#define DOWNPOUR_CLI_LAUNCH_THIS_MACHINE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "cli/launch/launch_plan.h"

namespace downpour {

// The devices there are, and `ports` ports of 127.0.0.1 that nobody has now. They are not from the range that the
// system gives to who asks for any, so that it is unlikely that somebody has one before its task does.
absl::StatusOr<ThisMachine> LookAtThisMachine(uint32_t ports);

struct ProgramFiles {
  std::string server;
  std::string worker;
};

// In `folder`, or for an empty one beside this program: in the same folder, as installed, or where the build puts them.
// With `must_exist`, NOT_FOUND says where they were looked for; otherwise they are on other machines.
absl::StatusOr<ProgramFiles> FindPrograms(const std::string& folder, bool must_exist);

// A folder for the time of a launch, readable by this user alone.
class ScratchFolder {
 public:
  static absl::StatusOr<ScratchFolder> Create();
  ~ScratchFolder();
  ScratchFolder(ScratchFolder&& other) noexcept;
  ScratchFolder& operator=(ScratchFolder&&) = delete;

  // The path of a new file in it.
  absl::StatusOr<std::string> Write(const std::string& name, const std::string& text) const;

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_LAUNCH_THIS_MACHINE_H_
