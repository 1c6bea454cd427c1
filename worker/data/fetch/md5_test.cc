#include "worker/data/fetch/md5.h"

#include "gtest/gtest.h"
#include "worker/data/test_files.h"

namespace downpour {
namespace {

TEST(Md5Test, IsThatOfTheFilesBytes) {
  const std::string path = testing::MakeTestFolder("md5") + "/file";
  testing::WriteFile(path, "");
  EXPECT_EQ(*Md5OfFile(path), "d41d8cd98f00b204e9800998ecf8427e");
  testing::WriteFile(path, "abc");
  EXPECT_EQ(*Md5OfFile(path), "900150983cd24fb0d6963f7d28e17f72");
  // Of more than a piece.
  testing::WriteFile(path, std::string((1 << 20) + 5, 'a'));
  EXPECT_EQ(*Md5OfFile(path), "1d116de03e4a911270b11f9d1fdc76ce");
}

TEST(Md5Test, AFileThatIsNotThereIsNamed) {
  EXPECT_EQ(Md5OfFile("/nowhere/file").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace downpour
