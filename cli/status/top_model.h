// What `downpour top` shows, apart from how it is drawn.
#ifndef DOWNPOUR_CLI_STATUS_TOP_MODEL_H_
#define DOWNPOUR_CLI_STATUS_TOP_MODEL_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "cli/status/cluster_view.h"

namespace downpour {

enum class TopKey {
  kNone,
  kUp,
  kDown,
  kPageUp,
  kPageDown,
  kHome,
  kEnd,
  kSortLeft,   // by the column to the left
  kSortRight,  // by the one to the right
  kReverse,
  kOtherTable,  // from servers to workers and back
  kEnter,       // details of what is selected
  kBack,
  kPause,
  kHelp,
  kQuit,
};

// A column that rows are shown and sorted by.
template <typename Row>
struct TopColumn {
  const char* title = "";
  bool left = false;                          // words stand left
  std::string (*text)(const Row&) = nullptr;  // safe for a terminal
  double (*order)(const Row&) = nullptr;      // null: as the rows come, by their numbers
};
const std::vector<TopColumn<ServerView>>& ServerColumns();
const std::vector<TopColumn<WorkerView>>& WorkerColumns();

// One thread at a time.
class TopModel {
 public:
  // A new look at the job. While paused it is forgotten.
  void Update(ClusterView view);
  // A key was pressed, kNone: one that means nothing. `page`: rows that a page has.
  void Press(TopKey key, size_t page);

  bool quits() const { return quits_; }
  bool paused() const { return paused_; }
  bool shows_help() const { return shows_help_; }
  bool shows_details() const { return shows_details_; }
  bool has_view() const { return has_view_; }
  const ClusterView& view() const { return view_; }

  struct Table {
    size_t sort_column = 0;
    bool reversed = false;
    std::string selected = {};  // name of the row; stays selected wherever it goes
  };
  const Table& servers() const { return servers_; }
  const Table& workers() const { return workers_; }
  bool in_servers() const { return in_servers_; }

  // Rows in the order of the table.
  std::vector<const ServerView*> ServerRows() const;
  std::vector<const WorkerView*> WorkerRows() const;
  // What is selected in the table that has the cursor; null where that is a row of the other table, or none.
  const ServerView* SelectedServer() const;
  const WorkerView* SelectedWorker() const;

  // One value a look, the latest last.
  const std::vector<double>& losses() const { return losses_; }
  const std::vector<double>& rates() const { return rates_; }
  // Of one worker's examples a second, or one server's updates.
  std::vector<double> RatesOf(const std::string& name) const;

 private:
  void Move(long rows);
  std::vector<std::string> NamesInOrder() const;

  ClusterView view_;
  bool has_view_ = false;
  bool quits_ = false;
  bool paused_ = false;
  bool shows_help_ = false;
  bool shows_details_ = false;
  bool in_servers_ = false;
  Table servers_;
  Table workers_;
  std::vector<double> losses_;
  std::vector<double> rates_;
  std::map<std::string, std::vector<double>> rates_by_name_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_TOP_MODEL_H_
