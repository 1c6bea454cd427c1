// The bytes on the wire are a promise to peers of other versions: testdata/goldens.txt has them.
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "common/rpc/codec_reference.h"
#include "common/rpc/data_plane_decoder.h"
#include "common/rpc/data_plane_encoder.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

struct Golden {
  std::string side;
  std::string name;
  std::string text;
  std::string bytes;
};

std::vector<Golden> ReadGoldens() {
  std::ifstream file("common/rpc/testdata/goldens.txt");
  std::vector<Golden> goldens;
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    Golden golden;
    std::istringstream(line) >> golden.side >> golden.name;
    while (std::getline(file, line) && line != "--") golden.text += line + "\n";
    while (std::getline(file, line) && !line.empty()) {
      golden.bytes += absl::HexStringToBytes(absl::StrReplaceAll(line, {{" ", ""}}));
    }
    goldens.push_back(golden);
  }
  return goldens;
}

template <typename Plain, typename Encode, typename Decode>
void ExpectBytes(const Golden& golden, const Encode& encode, const Decode& decode) {
  SCOPED_TRACE(golden.name);
  Plain message;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(golden.text, &message));
  const auto slices = encode(testing::ToSliced(message));
  ASSERT_TRUE(slices.ok()) << slices.status();
  EXPECT_EQ(absl::BytesToHexString(testing::Join(*slices)), absl::BytesToHexString(golden.bytes));

  const auto decoded = decode(testing::CutAt(golden.bytes, {}));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(testing::ToPlain(*decoded).DebugString(), message.DebugString());
}

TEST(CodecGoldenTest, KeepsTheBytesOnTheWire) {
  std::multiset<std::string> sides;
  for (const Golden& golden : ReadGoldens()) {
    sides.insert(golden.side);
    if (golden.side == "client") {
      ExpectBytes<wire::ClientMessage>(golden, EncodeClientMessage,
                                       [](auto slices) { return DecodeClientMessage(std::move(slices)); });
    } else {
      ExpectBytes<wire::ServerMessage>(golden, EncodeServerMessage,
                                       [](auto slices) { return DecodeServerMessage(std::move(slices)); });
    }
  }
  EXPECT_GE(sides.count("client"), 5u);
  EXPECT_GE(sides.count("server"), 3u);
}

}  // namespace
}  // namespace downpour
