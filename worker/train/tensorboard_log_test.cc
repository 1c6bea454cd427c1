#include "worker/train/tensorboard_log.h"

#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/log_capture.h"
#include "common/telemetry/read_events.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1'600'000'000);

std::string Folder(const std::string& name) {
  const std::string folder = ::testing::TempDir() + "/tensorboard_log/" + name;
  std::filesystem::remove_all(folder);
  return folder;
}

// A short run, a second after another.
std::string WriteRun(const std::string& folder) {
  absl::Time now = kStart;
  auto log = TensorBoardLog::Create(folder, [&now] { return now; });
  EXPECT_TRUE(log.ok()) << log.status();
  if (!log.ok()) return "";
  now += absl::Seconds(1);
  (*log)->Progressed({.step = 50,
                      .loss = 2.5,
                      .accuracy = 0.25,
                      .learning_rate = 0.125,
                      .examples_per_second = 5000,
                      .staleness = 1.5});
  now += absl::Seconds(1);
  (*log)->Progressed({.step = 100, .loss = 1.5, .accuracy = NAN, .staleness = NAN});
  (*log)->Evaluated({.step = 100, .split = "test", .loss = 1.25, .accuracy = 0.5});
  const std::vector<float> weights = {-1, 0, 0, 1}, gradient = {0, 2};
  const RunTensor tensors[] = {{.name = "conv1/weights", .weights = weights, .gradient = gradient},
                               {.name = "bare", .weights = weights, .gradient = {}}};
  (*log)->Histograms(100, tensors);
  return (*log)->file_name();
}

// "tag step value" of each scalar, "tag step count" of each histogram.
std::vector<std::string> Lines(const std::vector<tensorboard::Event>& events) {
  std::vector<std::string> lines;
  for (const tensorboard::Event& event : events) {
    for (const auto& value : event.summary().value()) {
      char line[200];
      std::snprintf(line, sizeof(line), "%s %d %g", value.tag().c_str(), static_cast<int>(event.step()),
                    value.has_histo() ? value.histo().num() : value.simple_value());
      lines.push_back(line);
    }
  }
  return lines;
}

const std::vector<std::string>& ExpectedLines() {
  static const auto* const lines = new std::vector<std::string>{
      "train/loss 50 2.5",
      "train/accuracy 50 0.25",
      "train/learning_rate 50 0.125",
      "train/examples_per_second 50 5000",
      "train/staleness 50 1.5",
      "train/loss 100 1.5",
      "train/learning_rate 100 0",
      "train/examples_per_second 100 0",
      "eval/test/loss 100 1.25",
      "eval/test/accuracy 100 0.5",
      "weights/conv1/weights 100 4",
      "gradients/conv1/weights 100 2",
      "weights/bare 100 4",
  };
  return *lines;
}

TEST(TensorBoardLogTest, WritesWhatHasAValueByGlobalStepAndWallTime) {
  const std::string name = WriteRun(Folder("all") + "/new");
  EXPECT_THAT(name, HasSubstr("/new/events.out.tfevents.1600000000."));
  const std::vector<tensorboard::Event> events = ReadEvents(name);
  EXPECT_EQ(Lines(events), ExpectedLines());
  EXPECT_EQ(events[1].wall_time(), 1'600'000'001);
  EXPECT_EQ(events.back().wall_time(), 1'600'000'002);
}

TEST(TensorBoardLogTest, EachEventIsThereAtOnce) {
  auto log = TensorBoardLog::Create(Folder("flush"));
  ASSERT_TRUE(log.ok());
  (*log)->Progressed({.step = 1});
  EXPECT_EQ(Lines(ReadEvents((*log)->file_name())).size(), 5u);
}

TEST(TensorBoardLogTest, AFolderThatCannotBeMadeIsNamed) {
  const auto log = TensorBoardLog::Create("/proc/nowhere");
  EXPECT_THAT(std::string(log.status().message()), HasSubstr("cannot make the folder /proc/nowhere"));
}

TEST(TensorBoardLogTest, AnErrorOfWritingIsLoggedOnce) {
  auto log = TensorBoardLog::Create(Folder("full"));
  ASSERT_TRUE(log.ok());
  // As on a full disk: files end here.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small = {.rlim_cur = 100, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  std::vector<std::string> lines;
  {
    const LogCapture capture;
    (*log)->Progressed({.step = 1});
    (*log)->Progressed({.step = 2});
    (*log)->Ended({});
    lines = capture.lines();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT(lines, ElementsAre(AllOf(HasSubstr("TensorBoard's log ends here"), HasSubstr((*log)->file_name()))));
}

// TensorBoard's own reader, by a Python that has it: DOWNPOUR_TENSORBOARD_PYTHON, or python3.
TEST(TensorBoardLogTest, TensorBoardReadsTheSame) {
  const char* const named = std::getenv("DOWNPOUR_TENSORBOARD_PYTHON");
  const std::string python = named != nullptr && *named != '\0' ? named : "python3";
  if (std::system((python + " -c 'import tensorboard' 2>/dev/null").c_str()) != 0) {
    GTEST_SKIP() << python
                 << " has no tensorboard: pip install tensorboard into an environment, and name its python "
                    "by DOWNPOUR_TENSORBOARD_PYTHON";
  }
  const std::string folder = Folder("theirs");
  WriteRun(folder);
  std::FILE* const pipe = popen((python + " worker/train/read_with_tensorboard.py " + folder).c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::vector<std::string> lines;
  char line[200];
  while (std::fgets(line, sizeof(line), pipe) != nullptr) lines.push_back(std::string(line, std::strlen(line) - 1));
  EXPECT_EQ(pclose(pipe), 0);
  EXPECT_THAT(lines, ::testing::UnorderedElementsAreArray(ExpectedLines()));
}

}  // namespace
}  // namespace downpour
