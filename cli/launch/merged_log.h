// The output of many tasks as one log: whole lines, each with its task in front.
//
//   worker/1 | step 1,204/9,380  epoch 1.28  loss 0.3312
#ifndef DOWNPOUR_CLI_LAUNCH_MERGED_LOG_H_
#define DOWNPOUR_CLI_LAUNCH_MERGED_LOG_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace downpour {

// Not thread-safe.
class MergedLog {
 public:
  // Sources are known by their place in `names`. `write` gets whole lines. In colours, each name has one of its own, as
  // far as they go.
  MergedLog(std::vector<std::string> names, bool in_colours, std::function<void(std::string_view)> write);

  // Bytes as they come; what is after the last end of a line waits for more.
  void Append(size_t source, std::string_view bytes);
  // No more comes from it, for now: what waits is a line.
  void End(size_t source);

  // The last of what it wrote, at most kLastLines.
  std::vector<std::string> LastLines(size_t source) const;

  static constexpr size_t kLastLines = 12;
  // A longer line is cut in two.
  static constexpr size_t kLineMax = size_t{64} << 10;

 private:
  struct Source {
    std::string prefix;
    std::string unfinished;
    std::deque<std::string> last;
  };

  void Line(Source& source, std::string_view line);

  const std::function<void(std::string_view)> write_;
  std::vector<Source> sources_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_LAUNCH_MERGED_LOG_H_
