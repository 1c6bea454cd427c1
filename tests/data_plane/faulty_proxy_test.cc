#include "tests/data_plane/faulty_proxy.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "cli/transport/socket.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using Way = FaultyProxy::Way;

// A server of which the test plays every move, with a proxy before it.
class FaultyProxyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<Socket> listener = ListenLoopback(0);
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
    auto proxy = FaultyProxy::Start("127.0.0.1:" + std::to_string(*LocalPort(listener_)));
    ASSERT_TRUE(proxy.ok()) << proxy.status();
    proxy_ = *std::move(proxy);
  }

  Socket Connect() {
    absl::StatusOr<Socket> client = ConnectTcp(proxy_->address());
    EXPECT_TRUE(client.ok()) << client.status();
    return client.ok() ? *std::move(client) : Socket();
  }

  // The server's end of the next connection.
  Socket Served() {
    absl::StatusOr<Socket> server = Accept(listener_);
    EXPECT_TRUE(server.ok()) << server.status();
    return server.ok() ? *std::move(server) : Socket();
  }

  // Everything until the end; "!" at its end for a reset.
  static std::string ReceiveAll(const Socket& socket) {
    std::string all;
    char buffer[4096];
    while (true) {
      const absl::StatusOr<size_t> received = socket.ReceiveSome(buffer, sizeof(buffer));
      if (!received.ok()) return all + "!";
      if (*received == 0) return all;
      all.append(buffer, *received);
    }
  }

  static std::string Receive(const Socket& socket, size_t bytes) {
    std::string data(bytes, '\0');
    const absl::Status status = socket.Receive(data.data(), bytes);
    EXPECT_TRUE(status.ok()) << status;
    return data;
  }

  static void Send(const Socket& socket, const std::string& data) {
    const absl::Status status = socket.Send(data.data(), data.size());
    EXPECT_TRUE(status.ok()) << status;
  }

  Socket listener_;
  std::unique_ptr<FaultyProxy> proxy_;
};

TEST_F(FaultyProxyTest, WithoutFaultsPassesEveryByteBothWaysAndTheEnd) {
  Socket client = Connect();
  const Socket server = Served();
  std::string data(3'000'000, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7919 >> 8);
  std::thread sender([&] {
    Send(client, data);
    client.Shutdown();
  });
  EXPECT_EQ(ReceiveAll(server), data);
  sender.join();
  client = Connect();
  const Socket second = Served();
  Send(second, "answer");
  EXPECT_EQ(Receive(client, 6), "answer");
  EXPECT_EQ(proxy_->connections(), 2);
  EXPECT_EQ(proxy_->cuts(), 0);
  EXPECT_EQ(proxy_->bytes(Way::kToServer), data.size());
  EXPECT_EQ(proxy_->bytes(Way::kToClient), 6u);
}

TEST_F(FaultyProxyTest, CutsAtTheVeryByteAndOnlyOnce) {
  const Socket client = Connect();
  const Socket server = Served();
  Send(client, "before");
  EXPECT_EQ(Receive(server, 6), "before");
  proxy_->CutAt(Way::kToServer, 10);
  Send(client, "0123456789abcdef");
  EXPECT_EQ(ReceiveAll(server), "0123456789!");
  EXPECT_EQ(ReceiveAll(client), "!");
  EXPECT_EQ(proxy_->cuts(), 1);
  const Socket next_client = Connect();
  const Socket next_server = Served();
  Send(next_client, "0123456789abcdef");
  EXPECT_EQ(Receive(next_server, 16), "0123456789abcdef");
}

TEST_F(FaultyProxyTest, CutsWhatGoesToTheClientToo) {
  const Socket client = Connect();
  const Socket server = Served();
  proxy_->CutAt(Way::kToClient, 3);
  Send(client, "a long question passes");
  EXPECT_EQ(Receive(server, 22).size(), 22u);
  Send(server, "answer");
  EXPECT_EQ(ReceiveAll(client), "ans!");
}

TEST_F(FaultyProxyTest, TruncatesAsIfTheSenderHadNothingMoreToSay) {
  const Socket client = Connect();
  const Socket server = Served();
  proxy_->TruncateAt(Way::kToServer, 4);
  Send(client, "0123456789");
  EXPECT_EQ(ReceiveAll(server), "0123");
  Send(server, "late");
  EXPECT_EQ(Receive(client, 4), "late");
  Send(client, "is thrown away");
  server.Shutdown();
  EXPECT_EQ(ReceiveAll(client), "!");
}

TEST_F(FaultyProxyTest, WhatIsStalledWaitsAndIsLostWithTheConnection) {
  const Socket client = Connect();
  const Socket server = Served();
  proxy_->Stall(Way::kToClient);
  Send(server, "lost");
  Send(client, "passes");
  EXPECT_EQ(Receive(server, 6), "passes");
  EXPECT_EQ(proxy_->CutAll(), 1);
  EXPECT_EQ(ReceiveAll(client), "!");

  const Socket next_client = Connect();
  const Socket next_server = Served();
  Send(next_server, "waits");
  proxy_->Heal();
  EXPECT_EQ(Receive(next_client, 5), "waits");
}

TEST_F(FaultyProxyTest, DelaysEachRunOfBytes) {
  const Socket client = Connect();
  const Socket server = Served();
  proxy_->Delay(Way::kToServer, absl::Milliseconds(80));
  const absl::Time begin = absl::Now();
  Send(client, "late");
  EXPECT_EQ(Receive(server, 4), "late");
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(80));
  Send(server, "soon");
  EXPECT_EQ(Receive(client, 4), "soon");
}

TEST_F(FaultyProxyTest, RefusesUntilItHasHealed) {
  proxy_->Refuse();
  EXPECT_EQ(ReceiveAll(Connect()), "!");
  proxy_->Heal();
  const Socket client = Connect();
  Send(client, "x");
  EXPECT_EQ(Receive(Served(), 1), "x");
}

TEST_F(FaultyProxyTest, ASeedCutsEachConnectionAtAByteOfItsOwn) {
  const auto lengths = [this](uint64_t seed) {
    std::vector<size_t> lengths;
    proxy_->CutEach(seed, 100, 1000);
    for (int i = 0; i < 4; ++i) {
      const Socket client = Connect();
      const Socket server = Served();
      Send(client, std::string(1100, 'x'));
      lengths.push_back(ReceiveAll(server).size() - 1);
    }
    return lengths;
  };
  const std::vector<size_t> first = lengths(7);
  EXPECT_EQ(lengths(7), first);
  EXPECT_NE(lengths(8), first);
  EXPECT_NE(first[0], first[1]);
  for (const size_t length : first) {
    EXPECT_GE(length, 100u);
    EXPECT_LT(length, 1100u);
  }
}

TEST_F(FaultyProxyTest, PlaysAgainWhatEachClientHasSent) {
  proxy_->Record();
  const Socket client = Connect();
  const Socket server = Served();
  Send(client, "once ");
  Send(client, "more");
  EXPECT_EQ(Receive(server, 9), "once more");
  EXPECT_EQ(proxy_->Replay(), 1);
  const Socket replay = Served();
  EXPECT_EQ(Receive(replay, 9), "once more");
  Send(replay, "an answer that nobody gets");
  Send(server, "y");
  EXPECT_EQ(Receive(client, 1), "y");
}

TEST_F(FaultyProxyTest, SendsNewConnectionsToWhereTheServerHasMoved) {
  absl::StatusOr<Socket> elsewhere = ListenLoopback(0);
  ASSERT_TRUE(elsewhere.ok());
  proxy_->SetServer("127.0.0.1:" + std::to_string(*LocalPort(*elsewhere)));
  const Socket client = Connect();
  const auto server = Accept(*elsewhere);
  ASSERT_TRUE(server.ok());
  Send(client, "here");
  EXPECT_EQ(Receive(*server, 4), "here");
}

}  // namespace
}  // namespace downpour
