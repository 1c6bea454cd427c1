// Where a job's files are looked for, and that what is wrong with them is told whole.
#include <sys/stat.h>

#include <cstdlib>
#include <string>

#include "worker/train/job_data.h"
#include "worker/train/job_data_fixture.h"

namespace downpour {
namespace {

using ::testing::AllOf;
using testing::ClassifierOf;
using ::testing::ElementsAre;
using testing::Gzip;
using ::testing::HasSubstr;
using testing::IdxBytes;
using ::testing::IsEmpty;
using testing::JobDataTest;
using testing::MakeBatch;
using ::testing::Not;
using testing::RegressionOf;
using ::testing::StartsWith;

class JobFilesTest : public JobDataTest {
 protected:
  void MakeFolder(const std::string& name) const { mkdir(PathOf(name).c_str(), 0755); }

  // Records of zeros: `labels` bytes in front of each.
  void WriteCifar(const std::string& name, size_t records, size_t labels) const {
    Write(name, std::string(records * (labels + 3072), '\0'));
  }
};

const std::string& Mnist() {
  static const auto* const job = new std::string(ClassifierOf("[28, 28, 1]") + "data { mnist {} }\n");
  return *job;
}

constexpr char kIdx[] = R"(data {
 idx {
  train_images: "train-images-idx3-ubyte" train_labels: "train-labels-idx1-ubyte"
  test_images: "t10k-images-idx3-ubyte" test_labels: "t10k-labels-idx1-ubyte"
 }
}
)";

TEST_F(JobFilesTest, TheCommandLinesFolderGoesBeforeTheJobsAndTheEnvironments) {
  for (const std::string name : {"command", "job", "environment"}) MakeFolder(name);
  for (const auto& [name, count] : {std::pair("command", 1), {"job", 2}, {"environment", 3}}) {
    WriteIdx(absl::StrCat(name, "/train"), static_cast<uint32_t>(count), 28, 28);
    WriteIdx(absl::StrCat(name, "/t10k"), 1, 28, 28);
  }
  setenv("DOWNPOUR_DATA", PathOf("environment").c_str(), 1);
  const std::string with_folder = ClassifierOf("[28, 28, 1]") + "data { mnist {} data_dir: 'job' }";
  for (const std::string& source : {Mnist(), ClassifierOf("[28, 28, 1]") + kIdx}) {
    EXPECT_EQ(Open(source, PathOf("command"))->train->size(), 1u);
    EXPECT_EQ(Open(source)->train->size(), 3u);
  }
  EXPECT_EQ(Open(with_folder, PathOf("command"))->train->size(), 1u);
  const absl::StatusOr<JobData> of_job = Open(with_folder);
  ASSERT_TRUE(of_job.ok()) << of_job.status();
  EXPECT_EQ(of_job->train->size(), 2u) << "relative to the job's file";
  EXPECT_EQ(of_job->description, "mnist: 2 to train on, 1 to test by, from " + PathOf("job"));
  // Nothing else is looked into where a folder was named, so that nobody trains on other data than they think.
  MakeFolder("empty");
  EXPECT_EQ(Open(Mnist(), PathOf("empty")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(JobFilesTest, FilesThatTheJobNamesAreAlsoLookedForBesideIt) {
  WriteIdx("train", 4, 5, 5);
  WriteIdx("t10k", 2, 5, 5);
  MakeFolder("elsewhere");
  const std::string job = ClassifierOf("[5, 5, 1]") + kIdx;
  const absl::StatusOr<JobData> data = Open(job, PathOf("elsewhere"));
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train->size(), 4u);
  EXPECT_EQ(data->description,
            "train-images-idx3-ubyte: 4 to train on, 2 to test by, from " + PathOf("train-images-idx3-ubyte"));
  EXPECT_THAT(MakeBatch(*data->test, {.indices = {1, 0}}, 25).classes, ElementsAre(1, 0));
  unlink(PathOf("t10k-labels-idx1-ubyte").c_str());
  EXPECT_EQ(ErrorOf(job, PathOf("elsewhere")),
            "my.textproto:11:41: data.idx.test_labels: there is no elsewhere/t10k-labels-idx1-ubyte and no "
            "t10k-labels-idx1-ubyte. Relative names are looked for in the data folder (--data_dir, data.data_dir or "
            "DOWNPOUR_DATA) and in the folder of the job's file");
}

TEST_F(JobFilesTest, MissingFilesOfAKnownSetAreAnErrorThatSaysHowToGetThem) {
  MakeFolder("empty");
  for (const std::string source : {"fashion_mnist {}", "mnist {}", "cifar10 {}", "cifar100 {}"}) {
    EXPECT_THAT(ErrorOf(ClassifierOf("[24, 24, 1]") + "data { " + source + " }", PathOf("empty")),
                AllOf(HasSubstr("(train) is not here. Looked into:\n  empty"), HasSubstr("To get it: ")));
  }
}

TEST_F(JobFilesTest, SyntheticImagesStandInForMissingFilesAndSaySo) {
  MakeFolder("empty");
  const std::string job = ClassifierOf("[28, 28, 1]") + "seed: 3 data { fashion_mnist {} synthetic_if_missing: true }";
  absl::StatusOr<JobData> data = Open(job, PathOf("empty"));
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->description,
            "synthetic images in place of fashion-mnist: 60,000 to train on, 10,000 to test by, made from seed 3");
  EXPECT_THAT(data->notes,
              ElementsAre(AllOf(HasSubstr("the files of fashion-mnist are not here: training on SYNTHETIC"),
                                HasSubstr("apt-get install dataset-fashion-mnist"))));
  // Of a set of which only a part is there, nothing is used.
  WriteIdx("empty/train", 4, 28, 28);
  EXPECT_THAT(Open(job, PathOf("empty"))->description, StartsWith("synthetic images in place of"));
  WriteIdx("empty/t10k", 4, 28, 28);
  data = Open(job, PathOf("empty"));
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train->size(), 4u);
  EXPECT_THAT(data->notes, IsEmpty());
  // A damaged file is not a missing one.
  Write("empty/t10k-labels-idx1-ubyte", "no");
  EXPECT_EQ(Open(job, PathOf("empty")).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(JobFilesTest, AStandInHasTheSizeChannelsAndClassesOfTheSet) {
  MakeFolder("empty");
  const auto open = [&](const std::string& source, const std::string& model) {
    return Open(model + "data { synthetic_if_missing: true " + source + " }", PathOf("empty")).status();
  };
  EXPECT_TRUE(open("mnist {}", ClassifierOf("[28, 28, 1]")).ok());
  EXPECT_TRUE(open("cifar10 {}", ClassifierOf("[32, 32, 3]")).ok());
  EXPECT_TRUE(open("cifar100 {}", ClassifierOf("[32, 32, 3]", 100)).ok());
  EXPECT_TRUE(open("cifar100 { coarse_labels: true }", ClassifierOf("[32, 32, 3]", 20)).ok());
  EXPECT_THAT(open("cifar10 {}", ClassifierOf("[32, 32, 3]", 9)).message(), HasSubstr("has 10 classes"));
  EXPECT_THAT(open("cifar100 {}", ClassifierOf("[32, 32, 3]", 99)).message(), HasSubstr("has 100 classes"));
  EXPECT_THAT(open("cifar100 { coarse_labels: true }", ClassifierOf("[32, 32, 3]", 19)).message(),
              HasSubstr("has 20 classes"));
  EXPECT_THAT(open("mnist {}", ClassifierOf("[32, 32, 1]")).message(), HasSubstr("images of [28, 28, 1]"));
  // The size of images in files that a job names is known from its model alone.
  EXPECT_TRUE(open("idx { train_images: 'a' train_labels: 'b' classes: 7 }", ClassifierOf("[9, 8, 1]", 7)).ok());
  EXPECT_THAT(open("idx { train_images: 'a' train_labels: 'b' }", ClassifierOf("72")).message(),
              HasSubstr("data.idx.train_images: there is no"));
}

TEST_F(JobFilesTest, CifarIsReadFromItsBinaryFiles) {
  MakeFolder("cifar10");
  MakeFolder("cifar100");
  for (int i = 1; i <= 5; ++i) WriteCifar(absl::StrCat("cifar10/data_batch_", i, ".bin"), 2, 1);
  WriteCifar("cifar10/test_batch.bin", 3, 1);
  WriteCifar("cifar100/train.bin", 4, 2);
  WriteCifar("cifar100/test.bin", 1, 2);
  const absl::StatusOr<JobData> ten = Open(ClassifierOf("[24, 24, 3]") + "data { cifar10 {} }", folder_);
  ASSERT_TRUE(ten.ok()) << ten.status();
  EXPECT_EQ(ten->description, "cifar10: 10 to train on, 3 to test by, from " + PathOf("cifar10"));
  EXPECT_EQ(Open(ClassifierOf("[24, 24, 3]", 100) + "data { cifar100 {} }", folder_)->train->size(), 4u);
  EXPECT_TRUE(Open(ClassifierOf("[24, 24, 3]", 20) + "data { cifar100 { coarse_labels: true } }", folder_).ok());
  EXPECT_THAT(ErrorOf(ClassifierOf("[24, 24, 3]", 20) + "data {\n cifar100 {}\n}", folder_),
              AllOf(StartsWith("my.textproto:9:2: data.cifar100: cifar100 has 100 classes"), HasSubstr("takes 20")));
}

TEST_F(JobFilesTest, DamagedFilesAreTheReadersErrors) {
  const std::string idx = ClassifierOf("[28, 28, 1]") + kIdx;
  WriteIdx("train", 3, 28, 28);
  WriteIdx("t10k", 3, 28, 28);
  ASSERT_EQ(ErrorOf(idx), "no error");

  Write("train-images-idx3-ubyte", "\x01\x02\x03\x04, which is no IDX file");
  EXPECT_THAT(ErrorOf(idx), StartsWith("train-images-idx3-ubyte: wrong magic number 01020304 at offset 0"));
  Write("train-images-idx3-ubyte", IdxBytes({3, 28, 28}, std::string(3 * 784 - 1, 'a')));
  EXPECT_THAT(ErrorOf(idx), StartsWith("train-images-idx3-ubyte: truncated: the header promises 3 x 28 x 28"));
  const std::string whole = Gzip(IdxBytes({3, 28, 28}, std::string(3 * 784, 'a')));
  Write("train-images-idx3-ubyte", whole.substr(0, whole.size() - 6));
  EXPECT_THAT(ErrorOf(idx), StartsWith("train-images-idx3-ubyte"));
  WriteIdx("train", 3, 28, 28);
  Write("t10k-labels-idx1-ubyte", IdxBytes({3}, "\x01\x02\x0a"));
  EXPECT_EQ(ErrorOf(idx), "t10k-labels-idx1-ubyte: label 2 at offset 10 is 10; with 10 classes it must be below 10");
  Write("t10k-labels-idx1-ubyte", IdxBytes({2}, "\x01\x02"));
  EXPECT_THAT(ErrorOf(idx), HasSubstr("3 images, but t10k-labels-idx1-ubyte has 2 labels"));
  WriteIdx("t10k", 3, 20, 28);
  EXPECT_THAT(ErrorOf(idx), HasSubstr("data.idx: train-images-idx3-ubyte (test) has images of [20, 28, 1]"));

  for (int i = 1; i <= 5; ++i) WriteCifar(absl::StrCat("data_batch_", i, ".bin"), 1, 1);
  Write("test_batch.bin", std::string(3072, '\0'));
  const std::string cifar = ClassifierOf("[24, 24, 3]") + "data { cifar10 {} }";
  EXPECT_THAT(ErrorOf(cifar, folder_), StartsWith("test_batch.bin: 3072 bytes; a file of records of 3073 bytes"));
  Write("test_batch.bin", std::string(3073, '\x0b'));
  EXPECT_THAT(ErrorOf(cifar, folder_), StartsWith("test_batch.bin: the label of record 0 at offset 0 is 11"));
}

class JobCsvFilesTest : public JobFilesTest {
 protected:
  static std::string Job(const std::string& more) {
    return RegressionOf(2, "mean_squared_error") +
           "data {\n csv { train_file: 'a.csv' dense: ['x', 'y'] label: 'z' classes: 0\n " + more + " } }\n";
  }
};

TEST_F(JobCsvFilesTest, TheFirstBadRowIsTheErrorWithItsFileAndLine) {
  Write("a.csv", "x,y,z\n1,2,3\n4,5\n");
  EXPECT_EQ(ErrorOf(Job("")), "a.csv:3: 2 fields where the header has 3");
  Write("a.csv", "x,y,z\n1,2,3\n4,five,6\n");
  EXPECT_THAT(ErrorOf(Job("")), StartsWith("a.csv:3: field 2 is \"five\""));
  Write("a.csv", "x,z\n1,2\n");
  EXPECT_THAT(ErrorOf(Job("")), StartsWith("a.csv:1: no column \"y\""));
  Write("a.csv", "x,y,z\n1,,3\n");
  EXPECT_THAT(ErrorOf(Job("")), StartsWith("a.csv:2: field 2 is \"\""));
  EXPECT_EQ(ErrorOf(Job("empty: 0")), "no error");
  Write("a.csv", "x,y,z\n1,2,3\n");
  EXPECT_THAT(ErrorOf(Job("test_file: 'b.csv'")),
              StartsWith("my.textproto:9:2: data.csv.test_file: there is no b.csv"));
  EXPECT_THAT(ErrorOf(Job("categorical: 'x'")),
              StartsWith("my.textproto:8:2: data.csv: a.csv: the schema names column"));
}

TEST_F(JobCsvFilesTest, BadRowsThatAreSkippedAreCounted) {
  Write("a.csv", "x,y,z\n1,2,3\n4,5\nbad,8,9\n10,11,12\n");
  Write("b.csv", "x,y,z\n1,2\n7,8,9\n");
  const absl::StatusOr<JobData> data = Open(Job("on_error: SKIP test_file: 'b.csv'"));
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train->size(), 2u);
  EXPECT_THAT(MakeBatch(*data->train, {.indices = {1}}, 2).examples, ElementsAre(10, 11));
  EXPECT_THAT(MakeBatch(*data->test, {.indices = {0}}, 2).targets, ElementsAre(9));
  EXPECT_THAT(data->notes, ElementsAre(PathOf("a.csv") + ": 2 rows are left out as bad; the first: " + PathOf("a.csv") +
                                           ":3: 2 fields where the header has 3",
                                       PathOf("b.csv") + ": 1 row is left out as bad; the first: " + PathOf("b.csv") +
                                           ":2: 2 fields where the header has 3"));
}

TEST_F(JobCsvFilesTest, DelimiterHeaderAndCompressionAreTheJobs) {
  const std::string columns = "dense: ['1', '2'] label: '3' classes: 0 without_header: true";
  Write("a.tsv", "1\t2\t3\n4\t5\t6\n");
  EXPECT_EQ(Open(RegressionOf(2, "mean_squared_error") + "data { csv { train_file: 'a.tsv' " + columns + " } }")
                ->train->size(),
            2u);
  Write("a.txt", "1;2;3\n");
  EXPECT_EQ(Open(RegressionOf(2, "mean_squared_error") + "data { csv { train_file: 'a.txt' delimiter: ';' " + columns +
                 " } }")
                ->train->size(),
            1u);
  EXPECT_THAT(ErrorOf(RegressionOf(2, "mean_squared_error") + "data { csv { train_file: 'a.txt' delimiter: '\"' " +
                      columns + " } }"),
              AllOf(HasSubstr("data.csv: "), HasSubstr("delimiter"), Not(HasSubstr("no error"))));
}

}  // namespace
}  // namespace downpour
