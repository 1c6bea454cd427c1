#include "common/base/log_entry.h"

#include <string>

#include "gtest/gtest.h"

namespace downpour {
namespace {

using namespace std::string_view_literals;

LogEntry Entry(std::string_view message) {
  return {.time = absl::FromUnixMicros(1769860800123456),
          .severity = LogSeverity::kInfo,
          .file = "file.cc",
          .line = 12,
          .message = message};
}

TEST(LogEntryTest, TextIsTimeSeverityPlaceAndMessage) {
  EXPECT_EQ(FormatLogText(Entry("message")), "2026-01-31T12:00:00.123456Z INFO file.cc:12] message");
  LogEntry entry = Entry("");
  entry.severity = LogSeverity::kError;
  entry.time = absl::FromUnixSeconds(0);
  EXPECT_EQ(FormatLogText(entry), "1970-01-01T00:00:00.000000Z ERROR file.cc:12] ");
}

TEST(LogEntryTest, TextStaysOnOneLineAndCannotSteerATerminal) {
  EXPECT_EQ(FormatLogText(Entry("a\nb\r\nc\td \x1b[31m\0\x7f \u00e9"sv)),
            "2026-01-31T12:00:00.123456Z INFO file.cc:12] a\\nb\\r\\nc\td \\x1b[31m\\x00\\x7f \u00e9");
}

TEST(LogEntryTest, JsonIsOneObjectOnOneLine) {
  EXPECT_EQ(FormatLogJson(Entry("say \"hi\"\n")),
            R"({"time":"2026-01-31T12:00:00.123456Z","severity":"INFO","file":"file.cc","line":12,)"
            R"("message":"say \"hi\"\n"})");
}

TEST(LogEntryTest, SeveritiesParseBackWhateverTheCase) {
  for (const LogSeverity severity :
       {LogSeverity::kDebug, LogSeverity::kInfo, LogSeverity::kWarning, LogSeverity::kError}) {
    EXPECT_EQ(*ParseLogSeverity(LogSeverityName(severity)), severity);
  }
  EXPECT_EQ(*ParseLogSeverity("warning"), LogSeverity::kWarning);
  const absl::Status refused = ParseLogSeverity("warn").status();
  EXPECT_EQ(refused.message(), "there is no log severity \"warn\"; use one of debug, info, warning, error");
}

}  // namespace
}  // namespace downpour
