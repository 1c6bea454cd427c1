#ifndef DOWNPOUR_CLI_STATUS_TERMINAL_H_
#define DOWNPOUR_CLI_STATUS_TERMINAL_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/status/top_frame.h"

namespace downpour {

// A terminal that is drawn upon as a whole, by ncurses. From Open until it is destroyed the terminal shows the drawing
// and sends each key at once; then it is as it was before. One at a time, one thread. It sets LC_CTYPE from the
// environment and no handler of its own for SIGINT, SIGTERM, SIGTSTP and SIGWINCH, which are the caller's.
class Terminal {
 public:
  // Of stdin and stdout. FAILED_PRECONDITION where they are no terminal, or one that cannot be drawn upon.
  static absl::StatusOr<std::unique_ptr<Terminal>> Open();
  ~Terminal();

  // Asks how large it is now.
  void Resize();
  size_t rows() const;
  size_t columns() const;
  // Its character set is UTF-8.
  bool unicode() const { return unicode_; }

  void Draw(const std::vector<TopLine>& lines);
  // Gives the terminal back, stops the process as Ctrl-Z does, and takes the terminal again when it is continued.
  void Suspend();

  // The next key that was pressed; kNone: none is left, or it means nothing.
  struct Pressed {
    bool any = false;
    TopKey key = TopKey::kNone;
  };
  Pressed Read();

 private:
  struct Screen;
  explicit Terminal(std::unique_ptr<Screen> screen, bool unicode);
  const std::unique_ptr<Screen> screen_;
  const bool unicode_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_TERMINAL_H_
