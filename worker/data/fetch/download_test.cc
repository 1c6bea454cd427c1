#include "worker/data/fetch/download.h"

#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/data/fetch/test_server.h"
#include "worker/data/test_files.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TestServer;

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class DownloadTest : public ::testing::Test {
 protected:
  absl::Status Get(const std::string& path = "/file") { return Download(server_.url() + path, file_, options_); }

  const std::string bytes_ = std::string(50'000, 'a') + std::string(50'000, 'b');
  TestServer server_;
  const std::string file_ = testing::MakeTestFolder("download") + "/file.part";
  DownloadOptions options_ = {.attempts = 3, .pause = absl::ZeroDuration()};
};

TEST_F(DownloadTest, FetchesTheBytesAndTellsHowManyThereAre) {
  server_.Put("/file", {.bytes = bytes_});
  std::pair<uint64_t, uint64_t> last;
  options_.progress = [&](uint64_t bytes, uint64_t all) { last = {bytes, all}; };
  EXPECT_EQ(Get(), absl::OkStatus());
  EXPECT_EQ(Contents(file_), bytes_);
  EXPECT_EQ(last, std::pair(bytes_.size(), bytes_.size()));
}

TEST_F(DownloadTest, GoesOnWhereTheFileEnds) {
  server_.Put("/file", {.bytes = bytes_});
  testing::WriteFile(file_, bytes_.substr(0, 60'000));
  std::pair<uint64_t, uint64_t> last;
  options_.progress = [&](uint64_t bytes, uint64_t all) { last = {bytes, all}; };
  EXPECT_EQ(Get(), absl::OkStatus());
  EXPECT_EQ(Contents(file_), bytes_);
  EXPECT_EQ(last, std::pair(bytes_.size(), bytes_.size()));
  EXPECT_THAT(server_.requests(), ElementsAre("GET /file bytes=60000-"));
}

TEST_F(DownloadTest, BeginsAnewWhereTheServerCannotGoOn) {
  server_.Put("/file", {.bytes = bytes_, .ranges = false});
  testing::WriteFile(file_, "something else");
  EXPECT_EQ(Get(), absl::OkStatus());
  EXPECT_EQ(Contents(file_), bytes_);
}

TEST_F(DownloadTest, AFileThatIsWholeAlreadyStaysAsItIs) {
  server_.Put("/file", {.bytes = bytes_});
  testing::WriteFile(file_, bytes_);
  EXPECT_EQ(Get(), absl::OkStatus());
  EXPECT_EQ(Contents(file_), bytes_);
}

TEST_F(DownloadTest, ABrokenConnectionIsMadeAgainAndGoesOn) {
  server_.Put("/file", {.bytes = bytes_, .cut_after = 30'000});
  EXPECT_EQ(Get(), absl::OkStatus());
  EXPECT_EQ(Contents(file_), bytes_);
  EXPECT_THAT(server_.requests(), ElementsAre("GET /file", "GET /file bytes=30000-"));
}

TEST_F(DownloadTest, WhatCameBeforeAnErrorStays) {
  options_.attempts = 1;
  server_.Put("/file", {.bytes = bytes_, .cut_after = 30'000});
  EXPECT_EQ(Get().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Contents(file_), bytes_.substr(0, 30'000));
}

TEST_F(DownloadTest, FollowsToOtherPlacesByHttpOnly) {
  server_.Put("/file", {.bytes = bytes_});
  server_.Put("/moved", {.bytes = "", .redirect = server_.url() + "/file"});
  server_.Put("/away", {.bytes = "", .redirect = "file:///etc/passwd"});
  EXPECT_EQ(Get("/moved"), absl::OkStatus());
  EXPECT_EQ(Contents(file_), bytes_);
  EXPECT_EQ(Get("/away").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Download("file:///etc/passwd", file_, options_).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(DownloadTest, ErrorsNameTheUrlAndWhatWasWrong) {
  EXPECT_EQ(Get("/other").code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(Get("/other").message()),
              HasSubstr(server_.url() + "/other: The requested URL returned error: 404"));
  const absl::Status refused = Download("http://127.0.0.1:1/file", file_, options_);
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("cannot fetch http://127.0.0.1:1/file: Failed to connect"));
  const absl::Status folder = Download(server_.url() + "/file", "/nowhere/file", options_);
  EXPECT_THAT(std::string(folder.message()), HasSubstr("cannot write to /nowhere/file"));
}

TEST_F(DownloadTest, AFullDiskAndAnEndlessAnswerAreErrors) {
  server_.Put("/file", {.bytes = bytes_});
  EXPECT_EQ(Download(server_.url() + "/file", "/dev/full", options_).code(), absl::StatusCode::kResourceExhausted);
  options_.bytes_max = 99'999;
  EXPECT_EQ(Get().code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace downpour
