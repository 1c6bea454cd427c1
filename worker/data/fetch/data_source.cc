#include "worker/data/fetch/data_source.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/string_view.h"

namespace downpour {
namespace {

constexpr uint64_t kCifar10Batch = 10'000 * (1 + 32 * 32 * 3);
constexpr uint64_t kCifar100Image = 2 + 32 * 32 * 3;

}  // namespace

const std::vector<DataSource>& DataSources() {
  static const auto* const sources = new std::vector<DataSource>{
      {.name = "fashion-mnist",
       .url = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
       .folder = "fashion-mnist",
       .files = {{"train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "cf8536b0aa1a6ac5fa3f23001093305c"},
                 {"train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe", "10bea18fdb374794d4bb42e356e600c9"},
                 {"t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79", "f78720b4224f21cce2f2ccf2d7a94c9a"},
                 {"t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310", "0d30e22e447f3c33dab9ed536400ac01"}},
       .members = {}},
      {.name = "mnist",
       .url = "https://ossci-datasets.s3.amazonaws.com/mnist",
       .folder = "mnist",
       .files = {{"train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
                 {"train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"},
                 {"t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"},
                 {"t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"}},
       .members = {}},
      {.name = "cifar10",
       .url = "https://www.cs.toronto.edu/~kriz",
       .folder = "cifar-10-batches-bin",
       .files = {{"cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"}},
       .members = {{"data_batch_1.bin", kCifar10Batch},
                   {"data_batch_2.bin", kCifar10Batch},
                   {"data_batch_3.bin", kCifar10Batch},
                   {"data_batch_4.bin", kCifar10Batch},
                   {"data_batch_5.bin", kCifar10Batch},
                   {"test_batch.bin", kCifar10Batch}}},
      {.name = "cifar100",
       .url = "https://www.cs.toronto.edu/~kriz",
       .folder = "cifar-100-binary",
       .files = {{"cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8"}},
       .members = {{"train.bin", 50'000 * kCifar100Image}, {"test.bin", 10'000 * kCifar100Image}}},
  };
  return *sources;
}

absl::StatusOr<const DataSource*> FindDataSource(std::string_view name) {
  std::vector<std::string> names;
  for (const DataSource& source : DataSources()) {
    if (source.name == name) return &source;
    names.push_back(source.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no data set \"", ToAbsl(name), "\" can be fetched; there are ", absl::StrJoin(names, ", ")));
}

}  // namespace downpour
