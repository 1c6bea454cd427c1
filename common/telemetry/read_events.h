// Event files, for tests to look into.
#ifndef DOWNPOUR_COMMON_TELEMETRY_READ_EVENTS_H_
#define DOWNPOUR_COMMON_TELEMETRY_READ_EVENTS_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "common/base/crc32c.h"
#include "gtest/gtest.h"
#include "proto/tensorboard_event.pb.h"

namespace downpour {

// The records of a file as the format has them, with both checksums looked at.
inline std::vector<tensorboard::Event> ReadEvents(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<tensorboard::Event> events;
  size_t at = 0;
  const auto number = [&]<typename T>(T value) {
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    at += sizeof(value);
    return value;
  };
  const auto unmasked = [](uint32_t masked) { return std::rotl(masked - 0xa282ead8u, 15); };
  const auto crc = [](const std::string& data) { return Crc32c(std::as_bytes(std::span(data))); };
  while (at + 12 <= bytes.size()) {
    const std::string length_bytes = bytes.substr(at, 8);
    const uint64_t length = number(uint64_t{});
    EXPECT_EQ(unmasked(number(uint32_t{})), crc(length_bytes));
    const std::string data = bytes.substr(at, length);
    at += length;
    EXPECT_EQ(unmasked(number(uint32_t{})), crc(data));
    EXPECT_TRUE(events.emplace_back().ParseFromString(data));
  }
  EXPECT_EQ(at, bytes.size());
  return events;
}

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_TELEMETRY_READ_EVENTS_H_
