#include "cli/status/terminal.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

// Macros of its own names come with it: last.
#include <curses.h>

namespace downpour {
namespace {

constexpr int kEscape = 27;
// What follows an escape as part of a key comes at once.
constexpr int kEscapeMs = 25;

short PairOf(TopStyle style) { return static_cast<short>(static_cast<int>(style) + 1); }

void MakeColors() {
  if (!has_colors() || start_color() == ERR) return;
  use_default_colors();
  const auto pair = [](TopStyle style, int color) { init_pair(PairOf(style), static_cast<short>(color), -1); };
  pair(TopStyle::kPlain, -1);
  pair(TopStyle::kTitle, COLOR_CYAN);
  pair(TopStyle::kHeader, COLOR_CYAN);
  pair(TopStyle::kSelected, -1);
  pair(TopStyle::kBad, COLOR_RED);
  pair(TopStyle::kDim, -1);
  pair(TopStyle::kGraph, COLOR_GREEN);
}

attr_t AttributesOf(TopStyle style) {
  const attr_t color = has_colors() ? static_cast<attr_t>(COLOR_PAIR(PairOf(style))) : 0;
  switch (style) {
    case TopStyle::kTitle:
    case TopStyle::kHeader:
      return color | A_BOLD;
    case TopStyle::kSelected:
      return color | A_REVERSE;
    case TopStyle::kBad:
      return color | A_BOLD;
    case TopStyle::kDim:
      return color | A_DIM;
    case TopStyle::kPlain:
    case TopStyle::kGraph:
      break;
  }
  return color;
}

TopKey KeyOf(int code) {
  switch (code) {
    case KEY_UP:
    case 'k':
      return TopKey::kUp;
    case KEY_DOWN:
    case 'j':
      return TopKey::kDown;
    case KEY_PPAGE:
      return TopKey::kPageUp;
    case KEY_NPAGE:
      return TopKey::kPageDown;
    case KEY_HOME:
    case 'g':
      return TopKey::kHome;
    case KEY_END:
    case 'G':
      return TopKey::kEnd;
    case KEY_LEFT:
    case '<':
      return TopKey::kSortLeft;
    case KEY_RIGHT:
    case '>':
      return TopKey::kSortRight;
    case 'r':
      return TopKey::kReverse;
    case '\t':
      return TopKey::kOtherTable;
    case KEY_ENTER:
    case '\n':
    case '\r':
    case 'd':
      return TopKey::kEnter;
    case kEscape:
    case KEY_BACKSPACE:
    case 127:
    case '\b':
      return TopKey::kBack;
    case ' ':
    case 'p':
      return TopKey::kPause;
    case '?':
    case 'h':
      return TopKey::kHelp;
    case 'q':
    case 'Q':
      return TopKey::kQuit;
    default:
      return TopKey::kNone;
  }
}

}  // namespace

struct Terminal::Screen {
  SCREEN* screen = nullptr;
};

absl::StatusOr<std::unique_ptr<Terminal>> Terminal::Open() {
  if (isatty(STDOUT_FILENO) != 1 || isatty(STDIN_FILENO) != 1) {
    return absl::FailedPreconditionError(absl::StrCat("top draws on a terminal, and ",
                                                      isatty(STDOUT_FILENO) != 1 ? "stdout" : "stdin",
                                                      " is none; `downpour status --watch=2` writes anywhere"));
  }
  // Not LC_NUMERIC: numbers are written with points.
  std::setlocale(LC_CTYPE, "");
  const bool unicode = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  set_escdelay(kEscapeMs);
  auto screen = std::make_unique<Screen>();
  // initscr would end the process where the terminal is not known.
  screen->screen = newterm(nullptr, stdout, stdin);
  if (screen->screen == nullptr) {
    const char* const kind = std::getenv("TERM");
    return absl::FailedPreconditionError(absl::StrCat("cannot draw on a terminal of the kind TERM=", kind ? kind : "",
                                                      "; `downpour status --watch=2` writes anywhere"));
  }
  set_term(screen->screen);
  // newterm has set handlers, which end the process from within.
  for (const int signal : {SIGINT, SIGTERM, SIGTSTP}) std::signal(signal, SIG_DFL);
  cbreak();
  noecho();
  nonl();
  intrflush(stdscr, FALSE);
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  curs_set(0);
  MakeColors();
  return std::unique_ptr<Terminal>(new Terminal(std::move(screen), unicode));
}

Terminal::Terminal(std::unique_ptr<Screen> screen, bool unicode) : screen_(std::move(screen)), unicode_(unicode) {}

Terminal::~Terminal() {
  erase();
  refresh();
  curs_set(1);
  endwin();
  delscreen(screen_->screen);
}

void Terminal::Resize() {
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return;
  resizeterm(size.ws_row, size.ws_col);
  clearok(curscr, TRUE);
}

size_t Terminal::rows() const { return static_cast<size_t>(getmaxy(stdscr)); }
size_t Terminal::columns() const { return static_cast<size_t>(getmaxx(stdscr)); }

void Terminal::Draw(const std::vector<TopLine>& lines) {
  erase();
  for (size_t i = 0; i < lines.size() && i < rows(); ++i) {
    attrset(AttributesOf(lines[i].style));
    std::string text = lines[i].text;
    // The bar of what is selected goes from edge to edge.
    if (lines[i].style == TopStyle::kSelected) text.resize(std::max(text.size(), columns()), ' ');
    mvaddnstr(static_cast<int>(i), 0, text.c_str(), -1);
  }
  attrset(A_NORMAL);
  refresh();
}

void Terminal::Suspend() {
  endwin();
  kill(getpid(), SIGSTOP);
  Resize();
  refresh();
}

Terminal::Pressed Terminal::Read() {
  const int code = getch();
  if (code == ERR) return {};
  return {.any = true, .key = KeyOf(code)};
}

}  // namespace downpour
