// The main of a fuzz target where libFuzzer is not linked in: runs every file of the folders given, and mutations of
// them.
//
//   push_decoder_fuzz FOLDER...
//
// When an input ends the process, the last line says which: a file, or a mutation, which is left in the file
// `last_input` of $TEST_UNDECLARED_OUTPUTS_DIR (test.outputs beside the test's log) or of the current folder.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "common/base/philox.h"
#include "common/fuzz/mutate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace downpour {
namespace {

constexpr int kMutations = 5000;

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::vector<std::filesystem::path> FilesOf(int argc, char** argv) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void Run(const std::string& input) {
  // A copy of just the size, so that the address sanitizer sees a step beyond it.
  const std::vector<uint8_t> exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

// A file that has the input of the moment, whatever becomes of this process. Kept open: opening costs more than all
// else.
class LastInput {
 public:
  explicit LastInput(const std::string& path) : file_(open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0644)) {}
  LastInput(const LastInput&) = delete;
  LastInput& operator=(const LastInput&) = delete;
  ~LastInput() { close(file_); }

  // A file that cannot be written is missed only where something breaks.
  void Note(const std::string& input) const {
    if (ftruncate(file_, 0) != 0 || pwrite(file_, input.data(), input.size(), 0) < 0) return;
  }

 private:
  const int file_;
};

int Main(int argc, char** argv) {
  std::vector<std::string> corpus;
  for (const std::filesystem::path& path : FilesOf(argc, argv)) {
    std::fprintf(stderr, "%s\n", path.c_str());
    corpus.push_back(ReadFile(path));
    Run(corpus.back());
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "There is no input: name a folder that has some.\n");
    return 1;
  }
  const char* outputs = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  const std::string last_path = std::string(outputs == nullptr ? "." : outputs) + "/last_input";
  std::fprintf(stderr, "mutations; the one that runs is in %s\n", last_path.c_str());
  const LastInput last(last_path);
  for (int i = 0; i < kMutations; ++i) {
    PhiloxStream random(/*seed=*/1, /*stream=*/i);
    const std::string& first = corpus[random() % corpus.size()];
    const std::string& second = corpus[random() % corpus.size()];
    const std::string input = Mutate(first, second, &random);
    last.Note(input);
    Run(input);
  }
  std::filesystem::remove(last_path);
  std::fprintf(stderr, "%zu inputs and %d mutations\n", corpus.size(), kMutations);
  return 0;
}

}  // namespace
}  // namespace downpour

int main(int argc, char** argv) { return downpour::Main(argc, argv); }
