#include "worker/data/delimited_fields.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace downpour {

absl::Status SplitFields(std::string_view line, char delimiter, std::string* unquoted,
                         std::vector<std::string_view>* fields) {
  fields->clear();
  unquoted->clear();
  unquoted->reserve(line.size());  // it never grows beyond, so that views into it hold
  for (size_t at = 0;; ++at) {     // at the first character of a field
    if (at >= line.size() || line[at] != '"') {
      const size_t end = std::min(line.find(delimiter, at), line.size());
      fields->push_back(line.substr(at, end - at));
      at = end;
    } else {
      const size_t begin = unquoted->size();
      for (++at;; ++at) {
        const size_t quote = line.find('"', at);
        if (quote == line.npos) {
          return absl::InvalidArgumentError(absl::StrCat("the quote that field ", fields->size() + 1,
                                                         " begins with is not closed (a field cannot span lines)"));
        }
        unquoted->append(line.substr(at, quote - at));
        at = quote + 1;
        if (at >= line.size() || line[at] != '"') break;
        *unquoted += '"';
      }
      fields->push_back(std::string_view(*unquoted).substr(begin));
      if (at < line.size() && line[at] != delimiter) {
        return absl::InvalidArgumentError(
            absl::StrCat("the closing quote of field ", fields->size(), " is followed by more than a delimiter"));
      }
    }
    if (at >= line.size()) return absl::OkStatus();
  }
}

}  // namespace downpour
