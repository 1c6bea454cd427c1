#include "common/base/log.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/log_capture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using testing::ElementsAre;
using testing::MatchesRegex;

// Restores what a test changes.
class LogTest : public testing::Test {
 protected:
  ~LogTest() override {
    SetMinLogSeverity(LogSeverity::kInfo);
    SetLogFormat(LogFormat::kText);
    SetLogSink(nullptr);
  }
};

// The bytes that `function` writes to stderr.
template <typename Function>
std::string StderrOf(Function function) {
  std::FILE* const file = std::tmpfile();
  const int saved = dup(STDERR_FILENO);
  dup2(fileno(file), STDERR_FILENO);
  function();
  dup2(saved, STDERR_FILENO);
  close(saved);
  std::rewind(file);
  std::string text;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

TEST_F(LogTest, AnEventIsOneLineOnStderr) {
  const std::string text = StderrOf([] { DP_LOG(WARNING) << "first\nsecond " << 3; });
  EXPECT_THAT(text, MatchesRegex("[0-9-]+T[0-9:]+\\.[0-9]{6}Z WARNING log_test.cc:[0-9]+\\] first\\\\nsecond 3\n"));
}

TEST_F(LogTest, JsonIsOneObjectOnALine) {
  SetLogFormat(LogFormat::kJson);
  const std::string text = StderrOf([] { DP_LOG(ERROR) << "say \"hi\""; });
  EXPECT_THAT(text, MatchesRegex("\\{\"time\":\"[^\"]+Z\",\"severity\":\"ERROR\",\"file\":\"log_test.cc\",\"line\":"
                                 "[0-9]+,\"message\":\"say \\\\\"hi\\\\\"\"\\}\n"));
}

TEST_F(LogTest, ASinkTakesEverythingUntilItIsReplaced) {
  const std::string text = StderrOf([] {
    {
      LogCapture capture;
      DP_LOG(INFO) << "one";
      DP_LOG(ERROR) << "two";
      EXPECT_THAT(capture.lines(), ElementsAre("INFO one", "ERROR two"));
    }
    DP_LOG(INFO) << "three";
  });
  EXPECT_THAT(text, MatchesRegex("[^\n]*three\n"));
}

TEST_F(LogTest, CapturesNest) {
  LogCapture outer;
  {
    LogCapture inner;
    DP_LOG(INFO) << "inner";
    EXPECT_THAT(inner.lines(), ElementsAre("INFO inner"));
  }
  DP_LOG(INFO) << "outer";
  EXPECT_THAT(outer.lines(), ElementsAre("INFO outer"));
}

TEST_F(LogTest, EventsBelowTheMinimumAreDroppedAndNotEvaluated) {
  LogCapture capture;
  int evaluated = 0;
  DP_LOG(DEBUG) << ++evaluated;
  SetMinLogSeverity(LogSeverity::kError);
  EXPECT_EQ(MinLogSeverity(), LogSeverity::kError);
  DP_LOG(WARNING) << ++evaluated;
  DP_LOG_EVERY(WARNING, absl::ZeroDuration()) << ++evaluated;
  DP_LOG(ERROR) << "heard";
  SetMinLogSeverity(LogSeverity::kDebug);
  DP_LOG(DEBUG) << "heard too";
  EXPECT_EQ(evaluated, 0);
  EXPECT_THAT(capture.lines(), ElementsAre("ERROR heard", "DEBUG heard too"));
}

TEST_F(LogTest, EveryHoldsBackAndSaysHowMuch) {
  LogCapture capture;
  size_t events = 0;
  do {
    DP_LOG_EVERY(INFO, absl::Milliseconds(1)) << "event";
    ++events;
  } while (capture.lines().back() == "INFO event");
  const std::vector<std::string> lines = capture.lines();
  EXPECT_EQ(lines.front(), "INFO event");
  EXPECT_EQ(lines.back(), absl::StrCat("INFO event (", events - lines.size(), " more since the last such message)"));
}

TEST_F(LogTest, EveryPlaceInTheCodeIsHeldBackByItself) {
  LogCapture capture;
  for (int i = 0; i < 3; ++i) {
    DP_LOG_EVERY(INFO, absl::InfiniteDuration()) << "here " << i;
    DP_LOG_EVERY(INFO, absl::InfiniteDuration()) << "there " << i;
  }
  EXPECT_THAT(capture.lines(), ElementsAre("INFO here 0", "INFO there 0"));
}

TEST_F(LogTest, BindsLikeAStatement) {
  LogCapture capture;
  for (const bool yes : {true, false}) {
    if (yes)
      DP_LOG(INFO) << "yes";
    else
      DP_LOG(INFO) << "no";
  }
  EXPECT_THAT(capture.lines(), ElementsAre("INFO yes", "INFO no"));
}

TEST_F(LogTest, LeavesErrnoAlone) {
  errno = ENOENT;
  StderrOf([] {
    errno = ENOENT;
    DP_LOG(INFO) << (errno = EBADF);
    EXPECT_EQ(errno, ENOENT);
  });
}

TEST_F(LogTest, LinesOfManyThreadsStayWhole) {
  constexpr int kThreads = 4;
  constexpr int kEvents = 200;
  const std::string filler(5000, 'x');
  const std::string text = StderrOf([&] {
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < kEvents; ++i) DP_LOG(INFO) << filler << "end";
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  int lines = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    ++lines;
    ASSERT_TRUE(absl::ConsumeSuffix(&line, absl::StrCat("] ", filler, "end"))) << line;
    ASSERT_THAT(std::string(line), MatchesRegex("[^ ]+Z INFO log_test.cc:[0-9]+"));
  }
  EXPECT_EQ(lines, kThreads * kEvents);
}

class CountingSink final : public LogSink {
 public:
  void Write(const LogEntry&) override { ++count_; }
  int count() const { return count_; }

 private:
  std::atomic<int> count_ = 0;
};

TEST_F(LogTest, ReplacingTheSinkWhileThreadsLogLosesNothing) {
  const auto one = std::make_shared<CountingSink>();
  const auto other = std::make_shared<CountingSink>();
  SetLogSink(one);
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 500; ++i) DP_LOG(INFO) << i;
    });
  }
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(SetLogSink(i % 2 == 0 ? other : one), i % 2 == 0 ? one : other);
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(one->count() + other->count(), 1500);
}

}  // namespace
}  // namespace downpour
