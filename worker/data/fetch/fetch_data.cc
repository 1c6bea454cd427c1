#include "worker/data/fetch/fetch_data.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/number_text.h"
#include "common/base/status.h"
#include "worker/data/fetch/md5.h"
#include "worker/data/fetch/tar_reader.h"
#include "worker/data/gzip_reader.h"
#include "worker/data/input_file.h"

namespace downpour {
namespace {

constexpr size_t kPieceBytes = 1 << 18;

absl::Status SystemError(const std::string& what) { return absl::ErrnoToStatus(errno, what); }

std::optional<uint64_t> SizeOf(const std::string& path) {
  struct stat facts = {};
  if (stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
  return static_cast<uint64_t>(facts.st_size);
}

// Held by one process at a time, until the end of the object or of the process.
class FolderLock {
 public:
  static absl::StatusOr<FolderLock> Take(const std::string& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot make the folder ", folder));
    const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return SystemError(absl::StrCat("cannot open the folder ", folder));
    FolderLock lock(descriptor);
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno != EWOULDBLOCK) return lock;  // a file system without locks: then without
    return absl::AbortedError(absl::StrCat("another process is fetching into ", folder, ": wait for it, or end it"));
  }

  FolderLock(FolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~FolderLock() {
    if (descriptor_ >= 0) close(descriptor_);
  }

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

// Gives a finished file its name, for good.
absl::Status Finish(const std::string& part, const std::string& path) {
  const int descriptor = open(part.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor >= 0) {
    fsync(descriptor);
    close(descriptor);
  }
  if (std::rename(part.c_str(), path.c_str()) != 0) return SystemError(absl::StrCat("cannot rename ", part));
  return absl::OkStatus();
}

class Fetch {
 public:
  Fetch(const DataSource& source, const FetchOptions& options, FetchObserver& observer)
      : source_(source),
        options_(options),
        observer_(observer),
        folder_(absl::StrCat(absl::StripSuffix(options.data_dir, "/"), "/", source.folder)) {}

  absl::Status Run() {
    DP_ASSIGN_OR_RETURN(const FolderLock lock, FolderLock::Take(folder_));
    if (!source_.members.empty() && MissingMembers().empty()) {
      observer_.Said(absl::StrCat(source_.name, ": already there, in ", folder_));
      return absl::OkStatus();
    }
    for (const DataSource::File& file : source_.files) {
      DP_RETURN_IF_ERROR(FetchFile(file));
      if (!source_.members.empty()) DP_RETURN_IF_ERROR(Unpack(file));
    }
    if (const std::vector<std::string> missing = MissingMembers(); !missing.empty()) {
      return absl::DataLossError(absl::StrCat("the archive has no ", missing[0], " of the right size"));
    }
    return absl::OkStatus();
  }

 private:
  std::string PathOf(const std::string& name) const { return absl::StrCat(folder_, "/", name); }

  std::vector<std::string> MissingMembers() const {
    std::vector<std::string> missing;
    for (const DataSource::Member& member : source_.members) {
      if (SizeOf(PathOf(member.name)) != member.bytes) missing.push_back(member.name);
    }
    return missing;
  }

  absl::Status FetchFile(const DataSource::File& file) {
    const std::string path = PathOf(file.name);
    if (SizeOf(path).has_value()) {
      DP_ASSIGN_OR_RETURN(const std::string md5, Md5OfFile(path));
      if (file.IsOf(md5)) {
        observer_.Said(absl::StrCat(file.name, ": already there, in ", folder_));
        return absl::OkStatus();
      }
      observer_.Said(absl::StrCat(file.name, ": there is one, but its checksum is wrong; it is fetched again"));
    }
    const std::string part = path + ".part";
    const uint64_t begun = SizeOf(part).value_or(0);
    if (begun > 0) observer_.Said(absl::StrCat(file.name, ": goes on after ", ByteText(begun)));
    absl::Status status = DownloadAndCheck(file, part);
    if (begun > 0 && status.code() == absl::StatusCode::kDataLoss) {
      observer_.Said(absl::StrCat(file.name, ": what was there does not fit; it begins anew"));
      status = DownloadAndCheck(file, part);
    }
    DP_RETURN_IF_ERROR(status);
    DP_RETURN_IF_ERROR(Finish(part, path));
    observer_.Said(absl::StrCat(file.name, ": fetched, ", ByteText(SizeOf(path).value_or(0)), ", checksum right"));
    return absl::OkStatus();
  }

  // DATA_LOSS, and nothing left, where the checksum is wrong.
  absl::Status DownloadAndCheck(const DataSource::File& file, const std::string& part) {
    const std::string folder_url = options_.mirror.empty() ? source_.url : options_.mirror;
    const std::string url = absl::StrCat(absl::StripSuffix(folder_url, "/"), "/", file.name);
    DownloadOptions download = options_.download;
    download.progress = [&](uint64_t bytes, uint64_t all) { observer_.Progressed(file.name, bytes, all); };
    if (const absl::Status status = Download(url, part, download); !status.ok()) return WithAdvice(status, file);
    DP_ASSIGN_OR_RETURN(const std::string md5, Md5OfFile(part));
    if (file.IsOf(md5)) return absl::OkStatus();
    const uint64_t bytes = SizeOf(part).value_or(0);
    unlink(part.c_str());
    return absl::DataLossError(absl::StrCat(
        url, " is not the file that was published: MD5 ", md5, " (", ByteText(bytes), "), expected ", file.md5,
        ". It was removed. Something in between may have answered in its place: try again, or name a mirror by "
        "--mirror=URL"));
  }

  absl::Status WithAdvice(const absl::Status& status, const DataSource::File& file) const {
    if (status.code() != absl::StatusCode::kUnavailable && status.code() != absl::StatusCode::kNotFound &&
        status.code() != absl::StatusCode::kFailedPrecondition) {
      return status;
    }
    std::string advice = absl::StrCat(
        status.message(),
        "\nWhat to do: try again, it goes on where it stopped; behind a proxy set http_proxy and https_proxy; name a "
        "mirror that has the same files by --mirror=URL; or fetch ",
        file.name, " by other means and put it into ", folder_);
    if (source_.name == "fashion-mnist") absl::StrAppend(&advice, "; or apt-get install dataset-fashion-mnist");
    return absl::Status(status.code(), advice);
  }

  // Takes the members out of an archive, then removes it.
  absl::Status Unpack(const DataSource::File& file) {
    const std::string path = PathOf(file.name);
    absl::Status status = UnpackFrom(path);
    if (!status.ok()) return Annotate(status, path);
    unlink(path.c_str());
    return absl::OkStatus();
  }

  absl::Status UnpackFrom(const std::string& path) {
    DP_ASSIGN_OR_RETURN(const AlignedBuffer compressed, ReadWholeFile(path));
    GzipReader gzip(compressed.Elements<uint8_t>(), path);
    TarReader tar([&](std::span<uint8_t> bytes) { return gzip.Read(bytes); });
    for (;;) {
      DP_ASSIGN_OR_RETURN(const std::optional<TarEntry> entry, tar.Next());
      if (!entry.has_value()) return absl::OkStatus();
      const std::string name = entry->name.substr(entry->name.rfind('/') + 1);
      const auto member = std::find_if(source_.members.begin(), source_.members.end(),
                                       [&](const auto& one) { return one.name == name && one.bytes == entry->size; });
      if (member == source_.members.end()) continue;
      DP_RETURN_IF_ERROR(Extract(tar, *member));
    }
  }

  absl::Status Extract(TarReader& tar, const DataSource::Member& member) {
    const std::string path = PathOf(member.name), part = path + ".part";
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(part.c_str(), "wb"), &std::fclose);
    if (file == nullptr) return SystemError(absl::StrCat("cannot write ", part));
    std::vector<uint8_t> piece(kPieceBytes);
    for (uint64_t done = 0; done < member.bytes;) {
      DP_ASSIGN_OR_RETURN(const size_t size, tar.Read(piece));
      if (std::fwrite(piece.data(), 1, size, file.get()) != size) {
        return SystemError(absl::StrCat("cannot write ", part));
      }
      done += size;
      observer_.Progressed(member.name, done, member.bytes);
    }
    if (std::fclose(file.release()) != 0) return SystemError(absl::StrCat("cannot write ", part));
    DP_RETURN_IF_ERROR(Finish(part, path));
    observer_.Said(absl::StrCat(member.name, ": unpacked, ", ByteText(member.bytes)));
    return absl::OkStatus();
  }

  const DataSource& source_;
  const FetchOptions& options_;
  FetchObserver& observer_;
  const std::string folder_;
};

}  // namespace

absl::Status FetchData(const DataSource& source, const FetchOptions& options, FetchObserver& observer) {
  return Fetch(source, options, observer).Run();
}

}  // namespace downpour
