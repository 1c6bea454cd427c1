// Archives that tests make.
#ifndef DOWNPOUR_WORKER_DATA_FETCH_TAR_BYTES_H_
#define DOWNPOUR_WORKER_DATA_FETCH_TAR_BYTES_H_

#include <cstdio>
#include <numeric>
#include <string>
#include <string_view>

namespace downpour::testing {

// A member as tar writes it: header, contents, padding. `kind` is '0' for a file, '5' for a folder.
inline std::string TarMember(std::string_view name, std::string_view contents, char kind = '0') {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(100, 8, "0000644\0", 8);
  char size[13];
  std::snprintf(size, sizeof(size), "%011llo", static_cast<unsigned long long>(contents.size()));
  header.replace(124, 11, size);
  header.replace(148, 8, "        ");
  header[156] = kind;
  header.replace(257, 8, "ustar\00000", 8);
  const unsigned sum = std::accumulate(header.begin(), header.end(), 0u,
                                       [](unsigned all, char byte) { return all + static_cast<unsigned char>(byte); });
  char sum_text[8];
  std::snprintf(sum_text, sizeof(sum_text), "%06o", sum);
  header.replace(148, 7, sum_text, 7);
  return header + std::string(contents) + std::string((512 - contents.size() % 512) % 512, '\0');
}

inline std::string TarEnd() { return std::string(1024, '\0'); }

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_DATA_FETCH_TAR_BYTES_H_
