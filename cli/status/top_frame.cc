#include "cli/status/top_frame.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "cli/status/figure_text.h"
#include "cli/status/safe_text.h"
#include "cli/status/sparkline.h"
#include "cli/status/status_table.h"
#include "cli/status/text_table.h"
#include "cli/status/top_details.h"

namespace downpour {
namespace {

constexpr size_t kGraphRows = 4;
// Graphs are left out where tables would have less room than this.
constexpr size_t kRowsForGraphs = 22;
constexpr size_t kHeadRows = 3;

constexpr const char* kHelp[] = {
    "up, down, k, j      select a row",
    "page up, page down  a page of rows; home, end: to the first, the last",
    "tab                 to the servers, to the workers",
    "left, right, <, >   sort by another column, the largest first",
    "r                   the other way round",
    "enter, d            details of the selected task; esc, backspace: back",
    "space, p            pause, go on",
    "h, ?                this; any key: back",
    "q, Ctrl-C           quit",
};

// Two texts beside one another in half of the width each.
std::string Beside(const std::string& a, const std::string& b, size_t columns) {
  const size_t half = columns / 2;
  const std::string left(CutToColumns(a, half - std::min<size_t>(half, 1)));
  return left + std::string(half - std::min(half, TextColumns(left)), ' ') + b;
}

void AddGraphs(const TopModel& model, const TopFrameOptions& options, std::vector<TopLine>* lines) {
  const size_t half = options.columns / 2;
  if (half < 12) return;
  const RunView& run = model.view().run;
  lines->push_back({Beside(absl::StrCat("LOSS ", ScoreText(run.loss)),
                           absl::StrCat("EXAMPLES/S ", NumberText(run.examples_per_second)), options.columns),
                    TopStyle::kHeader});
  const auto losses = Graph(model.losses(), half - 2, kGraphRows, options.unicode);
  const auto rates = Graph(model.rates(), half - 2, kGraphRows, options.unicode);
  for (size_t i = 0; i < kGraphRows; ++i) {
    lines->push_back({Beside(losses[i], rates[i], options.columns), TopStyle::kGraph});
  }
}

bool IsBad(const ServerView& server) { return !server.answered; }
bool IsBad(const WorkerView& worker) { return worker.dead || worker.state == "suspect" || worker.state == "no answer"; }

// Titles and the rows around the selected one, `room` lines in all.
template <typename Row>
void AddTable(const std::vector<const Row*>& rows, const std::vector<TopColumn<Row>>& columns,
              const TopModel::Table& table, const Row* selected, bool unicode, size_t room,
              std::vector<TopLine>* lines) {
  if (room < 2) return;
  const size_t fits = room - 1;
  size_t at = 0;
  while (at < rows.size() && rows[at] != selected) ++at;
  if (at == rows.size()) at = 0;
  const size_t first = rows.size() <= fits || at < fits / 2 ? 0 : std::min(at - fits / 2, rows.size() - fits);
  const size_t last = std::min(rows.size(), first + fits);

  std::vector<TableColumn> titles;
  for (size_t i = 0; i < columns.size(); ++i) {
    const char* const mark = unicode ? (table.reversed ? "▴" : "▾") : (table.reversed ? "^" : "v");
    titles.push_back(
        {i == table.sort_column ? absl::StrCat(columns[i].title, mark) : columns[i].title, columns[i].left});
  }
  TextTable text(std::move(titles));
  for (size_t i = first; i < last; ++i) {
    std::vector<std::string> cells;
    for (const TopColumn<Row>& column : columns) cells.push_back(column.text(*rows[i]));
    text.Add(std::move(cells));
  }
  const std::vector<std::string> drawn = text.Lines();
  for (size_t i = 0; i < drawn.size(); ++i) {
    const Row* const row = i == 0 ? nullptr : rows[first + i - 1];
    const TopStyle style = row == nullptr    ? TopStyle::kHeader
                           : row == selected ? TopStyle::kSelected
                           : IsBad(*row)     ? TopStyle::kBad
                                             : TopStyle::kPlain;
    lines->push_back({drawn[i], style});
  }
}

std::string Footer(const TopModel& model) {
  if (model.shows_details()) return "esc back  up/down other tasks  p pause  q quit";
  return "q quit  p pause  up/down select  enter details  left/right sort  r reverse  tab table  ? help";
}

// What is wrong with the selected task, or with anything that has no row.
std::string Problem(const TopModel& model) {
  if (const ServerView* const server = model.SelectedServer(); server != nullptr && !server->problem.empty()) {
    return absl::StrCat(server->task, ": ", server->problem);
  }
  if (const WorkerView* const worker = model.SelectedWorker(); worker != nullptr && !worker->problem.empty()) {
    return absl::StrCat(worker->name, ": ", worker->problem);
  }
  return model.view().problems.empty() ? "" : model.view().problems[0];
}

void AddTables(const TopModel& model, const TopFrameOptions& options, size_t room, std::vector<TopLine>* lines) {
  const auto servers = model.ServerRows();
  const auto workers = model.WorkerRows();
  // A title each, a blank between; servers get a third, or what the workers leave.
  size_t for_servers = servers.empty() ? 0 : servers.size() + 1;
  const size_t for_workers = workers.empty() ? 0 : workers.size() + 1;
  if (for_servers + for_workers + 1 > room) {
    const size_t least = std::max<size_t>(room / 3, 2);
    for_servers = std::min(for_servers, std::max(least, room > for_workers + 1 ? room - for_workers - 1 : 0));
  }
  AddTable(servers, ServerColumns(), model.servers(), model.SelectedServer(), options.unicode, for_servers, lines);
  if (for_servers > 0 && !workers.empty()) lines->push_back({});
  const size_t used = for_servers + (for_servers > 0 ? 1 : 0);
  AddTable(workers, WorkerColumns(), model.workers(), model.SelectedWorker(), options.unicode,
           room > used ? room - used : 0, lines);
}

std::vector<TopLine> Body(const TopModel& model, const TopFrameOptions& options, size_t room) {
  std::vector<TopLine> lines;
  if (model.shows_help()) {
    for (const char* const line : kHelp) lines.push_back({line});
    return lines;
  }
  if (!model.has_view()) return {{absl::StrCat("asking ", options.asking, " ...")}};
  if (model.shows_details()) {
    if (const ServerView* const server = model.SelectedServer()) {
      return ServerDetails(*server, model.RatesOf(server->task), options);
    }
    if (const WorkerView* const worker = model.SelectedWorker()) {
      return WorkerDetails(*worker, model.RatesOf(worker->name), options);
    }
  }
  for (const std::string& line : RunLines(model.view().run)) lines.push_back({line});
  lines.resize(std::max(lines.size(), kHeadRows));
  if (options.rows >= kRowsForGraphs) {
    AddGraphs(model, options, &lines);
    lines.push_back({});
  }
  const std::string problem = Problem(model);
  const size_t reserved = lines.size() + (problem.empty() ? 0 : 1);
  AddTables(model, options, room > reserved ? room - reserved : 0, &lines);
  if (!problem.empty()) {
    lines.resize(std::min(lines.size(), room > 0 ? room - 1 : 0));
    lines.push_back({problem, TopStyle::kBad});
  }
  return lines;
}

}  // namespace

size_t TopPage(const TopFrameOptions& options) {
  const size_t head = 1 + kHeadRows + (options.rows >= kRowsForGraphs ? kGraphRows + 2 : 0) + 4;
  return options.rows > head + 1 ? options.rows - head : 1;
}

std::vector<TopLine> TopFrame(const TopModel& model, const TopFrameOptions& options) {
  if (options.rows == 0) return {};
  std::vector<TopLine> lines = {{absl::StrCat("downpour top", model.paused() ? "  PAUSED" : ""), TopStyle::kTitle}};
  const size_t room = options.rows > 2 ? options.rows - 2 : 0;
  std::vector<TopLine> body = Body(model, options, room);
  body.resize(room);
  lines.insert(lines.end(), body.begin(), body.end());
  if (options.rows > 1) lines.push_back({Footer(model), TopStyle::kDim});
  for (TopLine& line : lines) line.text = std::string(CutToColumns(line.text, options.columns));
  return lines;
}

}  // namespace downpour
