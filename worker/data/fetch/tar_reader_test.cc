#include "worker/data/fetch/tar_reader.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/data/fetch/tar_bytes.h"
#include "worker/data/test_files.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TarEnd;
using testing::TarMember;

TarReader::Source From(std::string bytes) {
  return [bytes = std::move(bytes), at = size_t{0}](std::span<uint8_t> into) mutable -> absl::StatusOr<size_t> {
    const size_t size = std::min(into.size(), bytes.size() - at);
    std::memcpy(into.data(), bytes.data() + at, size);
    at += size;
    return size;
  };
}

// "name: contents" of each file, and an error at the end if there is one.
std::vector<std::string> Files(std::string bytes) {
  TarReader reader(From(std::move(bytes)));
  std::vector<std::string> files;
  for (;;) {
    const absl::StatusOr<std::optional<TarEntry>> entry = reader.Next();
    if (!entry.ok()) files.push_back(entry.status().ToString());
    if (!entry.ok() || !entry->has_value()) return files;
    std::vector<uint8_t> contents((*entry)->size + 1);
    const absl::StatusOr<size_t> size = reader.Read(contents);
    if (!size.ok()) {
      files.push_back(size.status().ToString());
      return files;
    }
    files.push_back((*entry)->name + ": " + std::string(contents.begin(), contents.begin() + *size));
  }
}

TEST(TarReaderTest, ReadsFilesAndPassesOverTheRest) {
  const std::string big(1000, 'b');
  EXPECT_THAT(Files(TarMember("set/", "", '5') + TarMember("set/a", "one") + TarMember("long name", "x", 'L') +
                    TarMember("set/link", "", '2') + TarMember("set/b", big) + TarMember("empty", "") + TarEnd()),
              ElementsAre("set/a: one", "set/b: " + big, "empty: "));
}

TEST(TarReaderTest, PassesOverWhatWasNotRead) {
  TarReader reader(From(TarMember("a", std::string(100'000, 'a')) + TarMember("b", "two") + TarEnd()));
  ASSERT_TRUE(reader.Next().ok());
  uint8_t few[10];
  EXPECT_EQ(*reader.Read(few), 10u);
  EXPECT_EQ((**reader.Next()).name, "b");
}

TEST(TarReaderTest, ReadsWhatTarItselfWrites) {
  const std::string folder = testing::MakeTestFolder("tar");
  testing::WriteFile(folder + "/one", "1");
  testing::WriteFile(folder + "/two", std::string(513, '2'));
  for (const char* const format : {"ustar", "gnu", "pax"}) {
    const std::string command =
        absl::StrCat("cd ", folder, " && tar --format=", format, " -cf archive.tar one two 2>/dev/null");
    ASSERT_EQ(std::system(command.c_str()), 0);
    std::ifstream file(folder + "/archive.tar", std::ios::binary);
    EXPECT_THAT(Files(std::string(std::istreambuf_iterator<char>(file), {})),
                ElementsAre("one: 1", "two: " + std::string(513, '2')))
        << format;
  }
}

TEST(TarReaderTest, DamageIsDataLoss) {
  const std::string member = TarMember("a", "contents");
  std::string damaged = member + TarEnd();
  damaged[0] = 'b';
  EXPECT_THAT(Files(damaged), ElementsAre(HasSubstr("DATA_LOSS: the archive is damaged")));
  EXPECT_THAT(Files(member.substr(0, 515)), ElementsAre(HasSubstr("DATA_LOSS: the archive ends too early")));
  EXPECT_THAT(Files(member), ElementsAre("a: contents", HasSubstr("the archive ends too early")));
  EXPECT_THAT(Files(""), ElementsAre(HasSubstr("the archive ends too early")));
  EXPECT_THAT(Files(std::string(512, 'x')), ElementsAre(HasSubstr("the archive is damaged")));
}

}  // namespace
}  // namespace downpour
