#include "worker/data/find_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "worker/data/test_files.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::WriteFile;

class FindDataTest : public ::testing::Test {
 protected:
  std::string Folder(const std::string& name) {
    const std::string path = root_ + "/" + name;
    mkdir(path.c_str(), 0755);
    return path;
  }

  const std::string root_ = testing::MakeTestFolder("root");
  const WantedFiles wanted_ = {.what = "digits (train)",
                               .folders = {"digits"},
                               .files = {{"images", "images.gz"}, {"labels", "labels.gz"}},
                               .how_to_get = "apt-get install digits"};
};

TEST_F(FindDataTest, LooksIntoThePlaceItselfThenIntoItsFolder) {
  const std::string inside = (Folder("a"), Folder("a/digits"));
  WriteFile(inside + "/images.gz", "x");
  WriteFile(inside + "/labels", "x");
  DataPlaces places = {.environment = Folder("a"), .system = ""};
  EXPECT_THAT(*FindData(wanted_, places), ElementsAre(inside + "/images.gz", inside + "/labels"));
  WriteFile(root_ + "/a/images", "x");
  WriteFile(root_ + "/a/labels", "x");
  EXPECT_THAT(*FindData(wanted_, places), ElementsAre(root_ + "/a/images", root_ + "/a/labels"));
}

TEST_F(FindDataTest, PrefersWhatWasNamedToTheEnvironmentToTheUsersToTheSystem) {
  for (const char* const name : {"named", "environment", "user", "system"}) {
    WriteFile(Folder(name) + "/images", "x");
    WriteFile(Folder(name) + "/labels", "x");
  }
  DataPlaces places = {.data_dir = root_ + "/named",
                       .environment = root_ + "/environment",
                       .user = root_ + "/user",
                       .system = root_ + "/system"};
  EXPECT_THAT(FindData(wanted_, places)->front(), HasSubstr("/named/"));
  places.data_dir = "";
  EXPECT_THAT(FindData(wanted_, places)->front(), HasSubstr("/environment/"));
  places.environment = root_ + "/none";
  EXPECT_THAT(FindData(wanted_, places)->front(), HasSubstr("/user/"));
  places.user = root_ + "/none";
  EXPECT_THAT(FindData(wanted_, places)->front(), HasSubstr("/system/"));
}

TEST_F(FindDataTest, LooksNowhereElseThanWhereAPersonSays) {
  WriteFile(Folder("system") + "/images", "x");
  WriteFile(Folder("system") + "/labels", "x");
  const absl::Status status =
      FindData(wanted_, {.data_dir = Folder("empty"), .environment = "", .system = root_ + "/system"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("/system")));
}

TEST_F(FindDataTest, ListsThePlacesAndWhatTheyLackAndHowToGetTheFiles) {
  WriteFile(Folder("half") + "/labels.gz", "x");
  const absl::Status status = FindData(wanted_, {.environment = Folder("half"), .system = root_ + "/none"}).status();
  EXPECT_EQ(std::string(status.message()),
            absl::StrCat("digits (train) is not here. Looked into:\n  ", root_,
                         "/half (DOWNPOUR_DATA): incomplete: no images or images.gz\n  ", root_,
                         "/half/digits (DOWNPOUR_DATA): no such folder\n  ", root_,
                         "/none: no such folder\nTo get it: apt-get install digits"));
  EXPECT_THAT(std::string(FindData(wanted_, {.system = root_}).status().message()),
              HasSubstr("no images or images.gz, no labels or labels.gz\n"));
  EXPECT_THAT(std::string(FindData(wanted_, {.system = root_}).status().message()),
              HasSubstr("DOWNPOUR_DATA, which may name a folder, is not set"));
}

TEST_F(FindDataTest, TakesTheEnvironmentsFolder) {
  setenv("DOWNPOUR_DATA", "/some/where", 1);
  EXPECT_EQ(DataPlaces::Of().environment, "/some/where");
  EXPECT_EQ(DataPlaces::Of("/named").data_dir, "/named");
  unsetenv("DOWNPOUR_DATA");
  EXPECT_EQ(DataPlaces::Of().environment, "");
  EXPECT_EQ(DataPlaces::Of().system, "/usr/share/datasets");
}

TEST_F(FindDataTest, TheUsersFolderIsWhereTheDesktopHasIt) {
  setenv("HOME", "/home/me", 1);
  unsetenv("XDG_DATA_HOME");
  EXPECT_EQ(DataPlaces::Of().user, "/home/me/.local/share/downpour");
  setenv("XDG_DATA_HOME", "/shared", 1);
  EXPECT_EQ(DataPlaces::Of().user, "/shared/downpour");
  unsetenv("XDG_DATA_HOME");
  unsetenv("HOME");
  EXPECT_EQ(DataPlaces::Of().user, "");
}

}  // namespace
}  // namespace downpour
