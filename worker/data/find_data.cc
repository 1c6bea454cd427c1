#include "worker/data/find_data.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace downpour {
namespace {

std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool IsFolder(const std::string& path) {
  struct stat facts = {};
  return stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

struct Place {
  std::string path;
  std::string named_by;
};

}  // namespace

DataPlaces DataPlaces::Of(std::string data_dir) {
  DataPlaces places;
  places.data_dir = std::move(data_dir);
  places.environment = Environment("DOWNPOUR_DATA");
  if (const std::string shared = Environment("XDG_DATA_HOME"); !shared.empty()) {
    places.user = shared + "/downpour";
  } else if (const std::string home = Environment("HOME"); !home.empty()) {
    places.user = home + "/.local/share/downpour";
  }
  return places;
}

absl::StatusOr<std::vector<std::string>> FindData(const WantedFiles& wanted, const DataPlaces& places) {
  std::vector<Place> candidates;
  if (!places.data_dir.empty()) {
    candidates.push_back({places.data_dir, " (the data folder that was named)"});
  } else {
    if (!places.environment.empty()) candidates.push_back({places.environment, " (DOWNPOUR_DATA)"});
    if (!places.user.empty() && IsFolder(places.user)) candidates.push_back({places.user, ""});
    if (!places.system.empty()) candidates.push_back({places.system, ""});
  }
  std::string looked;
  for (const Place& place : candidates) {
    if (!IsFolder(place.path)) {
      absl::StrAppend(&looked, "\n  ", place.path, place.named_by, ": no such folder");
      continue;
    }
    std::vector<std::string> folders = {place.path};
    for (const std::string& folder : wanted.folders) folders.push_back(absl::StrCat(place.path, "/", folder));
    for (const std::string& folder : folders) {
      std::vector<std::string> found, missing;
      for (const std::vector<std::string>& names : wanted.files) {
        const size_t found_before = found.size();
        for (const std::string& name : names) {
          const std::string path = absl::StrCat(folder, "/", name);
          if (found.size() == found_before && access(path.c_str(), F_OK) == 0) found.push_back(path);
        }
        if (found.size() == found_before) missing.push_back(absl::StrJoin(names, " or "));
      }
      if (missing.empty()) return found;
      absl::StrAppend(&looked, "\n  ", folder, place.named_by, ": ");
      if (!IsFolder(folder)) {
        absl::StrAppend(&looked, "no such folder");
      } else {
        absl::StrAppend(&looked, found.empty() ? "" : "incomplete: ", "no ", absl::StrJoin(missing, ", no "));
      }
    }
  }
  if (places.data_dir.empty() && places.environment.empty()) {
    absl::StrAppend(&looked, "\n  (DOWNPOUR_DATA, which may name a folder, is not set)");
  }
  return absl::NotFoundError(
      absl::StrCat(wanted.what, " is not here. Looked into:", looked, "\nTo get it: ", wanted.how_to_get));
}

}  // namespace downpour
