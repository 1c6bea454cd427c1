#include "cli/status/top_model.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "cli/status/figure_text.h"

namespace downpour {
namespace {

// As wide as any terminal.
constexpr size_t kHistoryMax = 512;

void Remember(double value, std::vector<double>* values) {
  values->push_back(value);
  if (values->size() > kHistoryMax) values->erase(values->begin());
}

const std::string& NameOf(const ServerView& server) { return server.task; }
const std::string& NameOf(const WorkerView& worker) { return worker.name; }

// Largest first, what is not known last; equal ones stay by their numbers.
template <typename Row>
std::vector<const Row*> InOrder(const std::vector<Row>& all, const TopModel::Table& table,
                                const std::vector<TopColumn<Row>>& columns) {
  std::vector<const Row*> rows;
  for (const Row& row : all) rows.push_back(&row);
  const auto order = columns[table.sort_column].order;
  if (order == nullptr) {
    if (table.reversed) std::reverse(rows.begin(), rows.end());
    return rows;
  }
  std::stable_sort(rows.begin(), rows.end(), [&](const Row* a, const Row* b) {
    const double x = order(*a), y = order(*b);
    if (std::isnan(x) || std::isnan(y)) return !std::isnan(x) && std::isnan(y);
    return table.reversed ? x < y : x > y;
  });
  return rows;
}

template <typename Row>
const Row* Selected(const std::vector<const Row*>& rows, const std::string& name) {
  for (const Row* const row : rows) {
    if (NameOf(*row) == name) return row;
  }
  return rows.empty() ? nullptr : rows[0];
}

template <Phase phase>
std::string PhaseText(const WorkerView& worker) {
  return ShareText(worker.shares[static_cast<size_t>(phase)]);
}
template <Phase phase>
double PhaseOrder(const WorkerView& worker) {
  return worker.shares[static_cast<size_t>(phase)];
}

}  // namespace

const std::vector<TopColumn<ServerView>>& ServerColumns() {
  using Row = ServerView;
  static const std::vector<TopColumn<Row>> kColumns = {
      {"SERVER", true, [](const Row& row) { return row.task; }, nullptr},
      {"STATE", true, [](const Row& row) { return row.state; }, nullptr},
      {"SHARDS", false, [](const Row& row) { return WholeText(row.shards); },
       [](const Row& row) { return row.shards; }},
      {"MIB", false, [](const Row& row) { return MebibyteText(row.memory_used); },
       [](const Row& row) { return row.memory_used; }},
      {"UPD/S", false, [](const Row& row) { return NumberText(row.updates_per_second); },
       [](const Row& row) { return row.updates_per_second; }},
      {"IN MB/S", false, [](const Row& row) { return MegabyteText(row.in_per_second); },
       [](const Row& row) { return row.in_per_second; }},
      {"OUT MB/S", false, [](const Row& row) { return MegabyteText(row.out_per_second); },
       [](const Row& row) { return row.out_per_second; }},
      {"HELD", false, [](const Row& row) { return WholeText(row.pushes_held); },
       [](const Row& row) { return row.pushes_held; }},
      {"WAIT", false, [](const Row& row) { return WholeText(row.pulls_waiting); },
       [](const Row& row) { return row.pulls_waiting; }},
      {"STALE", false, [](const Row& row) { return NumberText(row.staleness_mean); },
       [](const Row& row) { return row.staleness_mean; }},
      {"CORES", false, [](const Row& row) { return NumberText(row.cores_used); },
       [](const Row& row) { return row.cores_used; }},
      {"PUSH", false, [](const Row& row) { return ShortSpanText(row.push_seconds); },
       [](const Row& row) { return row.push_seconds; }},
  };
  return kColumns;
}

const std::vector<TopColumn<WorkerView>>& WorkerColumns() {
  using Row = WorkerView;
  static const std::vector<TopColumn<Row>> kColumns = {
      {"WORKER", true, [](const Row& row) { return row.name; }, nullptr},
      {"STATE", true, [](const Row& row) { return row.state; }, nullptr},
      {"CLOCK", false, [](const Row& row) { return WholeText(row.clock); }, [](const Row& row) { return row.clock; }},
      {"EX/S", false, [](const Row& row) { return NumberText(row.examples_per_second); },
       [](const Row& row) { return row.examples_per_second; }},
      {"DATA", false, PhaseText<Phase::kData>, PhaseOrder<Phase::kData>},
      {"COMP", false, PhaseText<Phase::kCompute>, PhaseOrder<Phase::kCompute>},
      {"PUSH", false, PhaseText<Phase::kPush>, PhaseOrder<Phase::kPush>},
      {"PULL", false, PhaseText<Phase::kPull>, PhaseOrder<Phase::kPull>},
      {"WAIT", false, PhaseText<Phase::kWait>, PhaseOrder<Phase::kWait>},
      {"LOSS", false, [](const Row& row) { return ScoreText(row.loss); }, [](const Row& row) { return row.loss; }},
      {"SEEN", false, [](const Row& row) { return SpanText(row.silent_seconds); },
       [](const Row& row) { return row.silent_seconds; }},
      {"REFUSED", false, [](const Row& row) { return WholeText(row.refusals); },
       [](const Row& row) { return row.refusals; }},
      {"DEVICE", true, [](const Row& row) { return row.device; }, nullptr},
      {"HOST", true, [](const Row& row) { return row.host; }, nullptr},
  };
  return kColumns;
}

void TopModel::Update(ClusterView view) {
  if (paused_) return;
  view_ = std::move(view);
  has_view_ = true;
  Remember(view_.run.loss, &losses_);
  Remember(view_.run.examples_per_second, &rates_);
  std::set<std::string> names;
  for (const ServerView& server : view_.servers) {
    Remember(server.updates_per_second, &rates_by_name_[server.task]);
    names.insert(server.task);
  }
  for (const WorkerView& worker : view_.workers) {
    Remember(worker.examples_per_second, &rates_by_name_[worker.name]);
    names.insert(worker.name);
  }
  std::erase_if(rates_by_name_, [&](const auto& entry) { return names.count(entry.first) == 0; });
  if (view_.workers.empty() && !view_.servers.empty()) in_servers_ = true;
}

void TopModel::Press(TopKey key, size_t page) {
  Table& table = in_servers_ ? servers_ : workers_;
  const size_t columns = in_servers_ ? ServerColumns().size() : WorkerColumns().size();
  const auto rows = static_cast<long>(std::max<size_t>(page, 1));
  constexpr long kAll = 1'000'000;
  if (shows_help_ && key != TopKey::kQuit) {
    shows_help_ = false;
    return;
  }
  switch (key) {
    case TopKey::kNone:
      break;
    case TopKey::kUp:
      Move(-1);
      break;
    case TopKey::kDown:
      Move(1);
      break;
    case TopKey::kPageUp:
      Move(-rows);
      break;
    case TopKey::kPageDown:
      Move(rows);
      break;
    case TopKey::kHome:
      Move(-kAll);
      break;
    case TopKey::kEnd:
      Move(kAll);
      break;
    case TopKey::kSortLeft:
      table.sort_column = (table.sort_column + columns - 1) % columns;
      break;
    case TopKey::kSortRight:
      table.sort_column = (table.sort_column + 1) % columns;
      break;
    case TopKey::kReverse:
      table.reversed = !table.reversed;
      break;
    case TopKey::kOtherTable:
      in_servers_ = !in_servers_;
      break;
    case TopKey::kEnter:
      shows_details_ = has_view_;
      break;
    case TopKey::kBack:
      shows_details_ = false;
      break;
    case TopKey::kPause:
      paused_ = !paused_;
      break;
    case TopKey::kHelp:
      shows_help_ = true;
      break;
    case TopKey::kQuit:
      quits_ = true;
      break;
  }
}

std::vector<const ServerView*> TopModel::ServerRows() const {
  return InOrder(view_.servers, servers_, ServerColumns());
}
std::vector<const WorkerView*> TopModel::WorkerRows() const {
  return InOrder(view_.workers, workers_, WorkerColumns());
}

const ServerView* TopModel::SelectedServer() const {
  return in_servers_ ? Selected(ServerRows(), servers_.selected) : nullptr;
}
const WorkerView* TopModel::SelectedWorker() const {
  return in_servers_ ? nullptr : Selected(WorkerRows(), workers_.selected);
}

std::vector<double> TopModel::RatesOf(const std::string& name) const {
  const auto found = rates_by_name_.find(name);
  return found == rates_by_name_.end() ? std::vector<double>() : found->second;
}

std::vector<std::string> TopModel::NamesInOrder() const {
  std::vector<std::string> names;
  if (in_servers_) {
    for (const ServerView* const row : ServerRows()) names.push_back(row->task);
  } else {
    for (const WorkerView* const row : WorkerRows()) names.push_back(row->name);
  }
  return names;
}

void TopModel::Move(long rows) {
  const std::vector<std::string> names = NamesInOrder();
  if (names.empty()) return;
  Table& table = in_servers_ ? servers_ : workers_;
  const auto found = std::find(names.begin(), names.end(), table.selected);
  const long at = found == names.end() ? 0 : static_cast<long>(found - names.begin());
  table.selected = names[static_cast<size_t>(std::clamp(at + rows, 0L, static_cast<long>(names.size()) - 1))];
}

}  // namespace downpour
