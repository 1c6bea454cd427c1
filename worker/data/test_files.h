// Files that tests make for the readers.
#ifndef DOWNPOUR_WORKER_DATA_TEST_FILES_H_
#define DOWNPOUR_WORKER_DATA_TEST_FILES_H_

#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace downpour::testing {

// A new folder of the running test.
inline std::string MakeTestFolder(const std::string& name) {
  const ::testing::TestInfo* const test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/", test->test_suite_name(), "_", test->name(), "_", name);
  mkdir(path.c_str(), 0755);
  return path;
}

inline void WriteFile(const std::string& path, std::string_view bytes) {
  unlink(path.c_str());  // to write over a file makes some file systems wait for the disk
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  ASSERT_TRUE(file.good()) << path;
}

inline std::string Gzip(std::string_view bytes) {
  z_stream z = {};
  EXPECT_EQ(deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string compressed(deflateBound(&z, bytes.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(compressed.data());
  z.avail_out = static_cast<uInt>(compressed.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  compressed.resize(z.total_out);
  deflateEnd(&z);
  return compressed;
}

// An IDX file of unsigned bytes.
inline std::string IdxBytes(const std::vector<uint32_t>& dimensions, std::string_view values) {
  std::string bytes = {0, 0, 8, static_cast<char>(dimensions.size())};
  for (const uint32_t dimension : dimensions) {
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(dimension >> shift);
  }
  return bytes + std::string(values);
}

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_DATA_TEST_FILES_H_
