#include "worker/data/fetch/fetch_data.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/data/fetch/tar_bytes.h"
#include "worker/data/fetch/test_server.h"
#include "worker/data/known_images.h"
#include "worker/data/test_files.h"

namespace downpour {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TarEnd;
using testing::TarMember;
using testing::TestServer;

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

class FetchDataTest : public ::testing::Test, public FetchObserver {
 protected:
  void Progressed(std::string_view, uint64_t bytes, uint64_t all) override { EXPECT_TRUE(all == 0 || bytes <= all); }
  void Said(std::string_view text) override { said_.emplace_back(text); }

  absl::Status Fetch(const DataSource& source) {
    said_.clear();
    return FetchData(source, {.data_dir = data_, .mirror = "", .download = {.attempts = 1}}, *this);
  }

  TestServer server_;
  const std::string data_ = testing::MakeTestFolder("data");
  const DataSource letters_ = {
      .name = "letters",
      .url = server_.url() + "/published",
      .folder = "letters",
      .files = {{"a", "900150983cd24fb0d6963f7d28e17f72"}, {"empty", "none", "d41d8cd98f00b204e9800998ecf8427e"}},
      .members = {}};
  std::vector<std::string> said_;
};

TEST_F(FetchDataTest, FetchesWhatIsMissingAndSaysWhatIsThere) {
  server_.Put("/published/a", {.bytes = "abc"});
  server_.Put("/published/empty", {.bytes = ""});
  EXPECT_EQ(Fetch(letters_), absl::OkStatus());
  EXPECT_EQ(Contents(data_ + "/letters/a"), "abc");
  EXPECT_THAT(said_, ElementsAre("a: fetched, 3 B, checksum right", "empty: fetched, 0 B, checksum right"));
  EXPECT_EQ(Fetch(letters_), absl::OkStatus());
  EXPECT_THAT(said_, ElementsAre("a: already there, in " + data_ + "/letters", HasSubstr("empty: already there")));
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(FetchDataTest, AMirrorTakesThePlaceOfThePublisher) {
  server_.Put("/mirror/a", {.bytes = "abc"});
  server_.Put("/mirror/empty", {.bytes = ""});
  EXPECT_EQ(FetchData(letters_, {.data_dir = data_ + "/", .mirror = server_.url() + "/mirror/"}, *this),
            absl::OkStatus());
  EXPECT_EQ(Contents(data_ + "/letters/a"), "abc");
}

TEST_F(FetchDataTest, AWrongChecksumRemovesTheFileAndSaysWhatWasExpected) {
  server_.Put("/published/a", {.bytes = "abd"});
  const absl::Status status = Fetch(letters_);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(server_.url() + "/published/a"), HasSubstr("4911e516e5aa21d327512e0c8b197616"),
                    HasSubstr("expected 900150983cd24fb0d6963f7d28e17f72"), HasSubstr("removed")));
  EXPECT_FALSE(Exists(data_ + "/letters/a"));
  EXPECT_FALSE(Exists(data_ + "/letters/a.part"));
}

TEST_F(FetchDataTest, GoesOnWithAPartAndBeginsAnewWhereItDoesNotFit) {
  server_.Put("/published/a", {.bytes = "abc"});
  server_.Put("/published/empty", {.bytes = ""});
  mkdir((data_ + "/letters").c_str(), 0755);
  testing::WriteFile(data_ + "/letters/a.part", "ab");
  EXPECT_EQ(Fetch(letters_), absl::OkStatus());
  EXPECT_THAT(said_[0], "a: goes on after 2 B");
  EXPECT_EQ(server_.requests()[0], "GET /published/a bytes=2-");
  unlink((data_ + "/letters/a").c_str());
  testing::WriteFile(data_ + "/letters/a.part", "x");
  EXPECT_EQ(Fetch(letters_), absl::OkStatus());
  EXPECT_THAT(said_[1], "a: what was there does not fit; it begins anew");
  EXPECT_EQ(Contents(data_ + "/letters/a"), "abc");
  EXPECT_FALSE(Exists(data_ + "/letters/a.part"));
}

TEST_F(FetchDataTest, AFileWithTheNameButOtherBytesIsFetchedAgain) {
  server_.Put("/published/a", {.bytes = "abc"});
  server_.Put("/published/empty", {.bytes = ""});
  mkdir((data_ + "/letters").c_str(), 0755);
  testing::WriteFile(data_ + "/letters/a", "damaged");
  EXPECT_EQ(Fetch(letters_), absl::OkStatus());
  EXPECT_THAT(said_[0], HasSubstr("its checksum is wrong; it is fetched again"));
  EXPECT_EQ(Contents(data_ + "/letters/a"), "abc");
}

TEST_F(FetchDataTest, ErrorsSayWhatToDo) {
  const absl::Status missing = Fetch(letters_);
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()),
              AllOf(HasSubstr("/published/a: The requested URL returned error: 404"), HasSubstr("https_proxy"),
                    HasSubstr("--mirror=URL"), HasSubstr("put it into " + data_ + "/letters")));
  DataSource unreachable = letters_;
  unreachable.url = "http://127.0.0.1:1";
  EXPECT_THAT(std::string(Fetch(unreachable).message()),
              AllOf(HasSubstr("cannot fetch http://127.0.0.1:1/a: "), HasSubstr("What to do")));
  EXPECT_THAT(std::string(FetchData(letters_, {.data_dir = "/proc/nowhere", .mirror = ""}, *this).message()),
              HasSubstr("cannot make the folder /proc/nowhere/letters"));
}

TEST_F(FetchDataTest, OnlyOneProcessFetchesASet) {
  mkdir((data_ + "/letters").c_str(), 0755);
  const int other = open((data_ + "/letters").c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(flock(other, LOCK_EX), 0);
  const absl::Status status = Fetch(letters_);
  close(other);
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("another process is fetching into " + data_ + "/letters"));
}

class ArchiveTest : public FetchDataTest {
 protected:
  // `md5` of the archive below.
  DataSource Numbers(const std::string& md5) const {
    return {.name = "numbers",
            .url = server_.url(),
            .folder = "numbers-bin",
            .files = {{"numbers.tar.gz", md5}},
            .members = {{"one.bin", 3}, {"two.bin", 4}}};
  }

  // Publishes it; returns its MD5 as the fetch itself tells it.
  std::string Publish(const std::string& tar) {
    server_.Put("/numbers.tar.gz", {.bytes = testing::Gzip(tar)});
    const std::string message(Fetch(Numbers("none")).message());
    const size_t at = message.find("MD5 ");
    return at == std::string::npos ? message : message.substr(at + 4, 32);
  }
};

TEST_F(ArchiveTest, ItsMembersAreTakenOutAndItIsRemoved) {
  const std::string md5 =
      Publish(TarMember("numbers/", "", '5') + TarMember("numbers/one.bin", "111") +
              TarMember("../../readme.html", "elsewhere") + TarMember("numbers/two.bin", "2222") + TarEnd());
  EXPECT_EQ(Fetch(Numbers(md5)), absl::OkStatus());
  EXPECT_EQ(Contents(data_ + "/numbers-bin/one.bin"), "111");
  EXPECT_EQ(Contents(data_ + "/numbers-bin/two.bin"), "2222");
  EXPECT_FALSE(Exists(data_ + "/numbers-bin/numbers.tar.gz"));
  EXPECT_FALSE(Exists(data_ + "/numbers-bin/readme.html"));
  EXPECT_THAT(said_,
              ElementsAre(HasSubstr("numbers.tar.gz: fetched"), "one.bin: unpacked, 3 B", "two.bin: unpacked, 4 B"));
  const size_t requests = server_.requests().size();
  EXPECT_EQ(Fetch(Numbers(md5)), absl::OkStatus());
  EXPECT_THAT(said_, ElementsAre("numbers: already there, in " + data_ + "/numbers-bin"));
  EXPECT_EQ(server_.requests().size(), requests);
}

TEST_F(ArchiveTest, OneWithoutAMemberIsAnError) {
  const std::string md5 = Publish(TarMember("numbers/one.bin", "111") + TarMember("two.bin", "22") + TarEnd());
  EXPECT_THAT(std::string(Fetch(Numbers(md5)).message()), HasSubstr("the archive has no two.bin of the right size"));
}

TEST_F(ArchiveTest, ADamagedOneIsNamed) {
  const std::string md5 = Publish(TarMember("numbers/one.bin", "111").substr(0, 600));
  EXPECT_THAT(std::string(Fetch(Numbers(md5)).message()),
              AllOf(HasSubstr(data_ + "/numbers-bin/numbers.tar.gz: "), HasSubstr("ends too early")));
}

TEST(DataSourcesTest, AreThoseThatJobsKnowByName) {
  std::vector<std::string> names;
  for (const DataSource& source : DataSources()) {
    names.push_back(source.name);
    for (const DataSource::File& file : source.files) EXPECT_EQ(file.md5.size(), 32u) << file.name;
  }
  std::vector<std::string> known = KnownImageSets();
  std::erase(known, "cifar100-coarse");  // the same files as cifar100
  EXPECT_EQ(names, known);
  EXPECT_EQ((*FindDataSource("mnist"))->folder, "mnist");
  EXPECT_THAT(std::string(FindDataSource("imagenet").status().message()),
              HasSubstr("no data set \"imagenet\" can be fetched; there are fashion-mnist, mnist, cifar10, cifar100"));
}

}  // namespace
}  // namespace downpour
