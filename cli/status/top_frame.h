// The screen of `downpour top` as lines of text: pure, for any size of terminal.
#ifndef DOWNPOUR_CLI_STATUS_TOP_FRAME_H_
#define DOWNPOUR_CLI_STATUS_TOP_FRAME_H_

#include <cstddef>
#include <string>
#include <vector>

#include "cli/status/top_model.h"

namespace downpour {

enum class TopStyle { kPlain, kTitle, kHeader, kSelected, kBad, kDim, kGraph };

struct TopLine {
  std::string text = {};
  TopStyle style = TopStyle::kPlain;
};

struct TopFrameOptions {
  size_t rows = 24;
  size_t columns = 80;
  bool unicode = true;      // block characters may be drawn
  std::string asking = {};  // who is asked, until there is an answer
};

// At most `rows` lines of at most `columns` each.
std::vector<TopLine> TopFrame(const TopModel& model, const TopFrameOptions& options);

// Rows of the table that has the cursor which fit onto such a screen: a page.
size_t TopPage(const TopFrameOptions& options);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_TOP_FRAME_H_
