// Between real processes. A child is forked before any thread starts, and told by a pipe where to come to.
#include "common/rpc/shared_memory/handover.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "common/base/mutex.h"
#include "common/rpc/shared_memory/host_identity.h"
#include "common/rpc/shared_memory/ring.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;

constexpr SegmentShape kShape = {4, 64 << 10};
constexpr absl::Duration kLong = absl::Seconds(30);

// A server's side of one offer.
class TestOffer : public HandoverOffer {
 public:
  absl::StatusOr<Memory> Make() override {
    auto made = Segment::Create(kShape);
    if (!made.ok()) return made.status();
    MutexLock lock(&mutex_);
    segment_ = made->segment;
    return Memory{kShape, std::move(made->fd)};
  }
  void Taken() override {
    MutexLock lock(&mutex_);
    taken_ = true;
    changed_.SignalAll();
  }

  std::shared_ptr<Segment> WaitUntilTaken() {
    MutexLock lock(&mutex_);
    while (!taken_) changed_.Wait(&mutex_);
    return segment_;
  }
  bool made() {
    MutexLock lock(&mutex_);
    return segment_ != nullptr;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool taken_ = false;
  std::shared_ptr<Segment> segment_;
};

struct Offered {
  char name[64] = {};
  char nonce[kHandoverNonceBytes] = {};
};

struct Reference {
  uint32_t slot = 0;
  uint64_t generation = 0;
};

// Another process, with a socket to it. It runs `work` and ends with what that returns.
class Child {
 public:
  explicit Child(const std::function<int(int)>& work) {
    int sockets[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
    pid_ = fork();
    if (pid_ == 0) {
      close(sockets[0]);
      _exit(work(sockets[1]));
    }
    close(sockets[1]);
    socket_ = OwnedFd(sockets[0]);
  }
  ~Child() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  void Tell(const HandoverListener& listener, const std::string& nonce) {
    Offered offered;
    std::memcpy(offered.name, listener.name().data(), listener.name().size());
    std::memcpy(offered.nonce, nonce.data(), nonce.size());
    EXPECT_EQ(send(socket_.get(), &offered, sizeof(offered), MSG_NOSIGNAL), ssize_t{sizeof(offered)});
  }

  template <typename T>
  std::optional<T> Hear() {
    T said;
    if (recv(socket_.get(), &said, sizeof(said), 0) != ssize_t{sizeof(said)}) return std::nullopt;
    return said;
  }

  // How it ended, as waitpid says it.
  int Join() {
    int status = -1;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

 private:
  pid_t pid_ = -1;
  OwnedFd socket_;
};

// In the child: waits to be told, and fetches.
absl::StatusOr<HandoverReceiver> FetchAsTold(int socket) {
  Offered offered;
  if (recv(socket, &offered, sizeof(offered), 0) != ssize_t{sizeof(offered)}) return absl::CancelledError();
  return HandoverReceiver::Fetch(offered.name, std::string_view(offered.nonce, sizeof(offered.nonce)), kLong);
}

std::unique_ptr<HandoverListener> StartListener(uid_t user = geteuid()) {
  auto listener = HandoverListener::Start(user);
  EXPECT_TRUE(listener.ok()) << listener.status();
  return *std::move(listener);
}

TEST(HandoverTest, BringsPayloadsFromAnotherProcess) {
  Child child([](int socket) {
    auto receiver = FetchAsTold(socket);
    if (!receiver.ok() || !receiver->SayMapped().ok()) return 1;
    RingWriter writer(receiver->segment(), Direction::kToServer);
    for (int i = 0; i < 100; ++i) {
      const auto slot = writer.Begin(kLong);
      if (!slot) return 2;
      std::memset(slot->memory.data(), i, 1000 + i);
      writer.Commit(*slot, 1000 + i);
      const Reference reference = {slot->index, slot->generation};
      if (send(socket, &reference, sizeof(reference), MSG_NOSIGNAL) < 0) return 3;
    }
    return 0;
  });
  const auto listener = StartListener();
  const auto offer = std::make_shared<TestOffer>();
  child.Tell(*listener, listener->Offer(offer));
  RingReader reader(offer->WaitUntilTaken(), Direction::kToServer);
  for (int i = 0; i < 100; ++i) {
    const auto reference = child.Hear<Reference>();
    ASSERT_TRUE(reference);
    const auto slot = reader.Open(reference->slot, reference->generation);
    ASSERT_TRUE(slot.ok()) << slot.status();
    ASSERT_EQ(slot->bytes.size(), 1000u + i);
    for (const std::byte byte : slot->bytes) ASSERT_EQ(byte, static_cast<std::byte>(i));
  }
  EXPECT_EQ(child.Join(), 0);
  EXPECT_TRUE(reader.health().ok());
}

TEST(HandoverTest, OutlivesAPeerThatIsKilledInTheMiddleOfACopy) {
  Child child([](int socket) {
    auto receiver = FetchAsTold(socket);
    if (!receiver.ok() || !receiver->SayMapped().ok()) return 1;
    RingWriter writer(receiver->segment(), Direction::kToServer);
    const auto whole = writer.Begin();
    std::memset(whole->memory.data(), 7, 100);
    writer.Commit(*whole, 100);
    const auto half = writer.Begin();
    std::memset(half->memory.data(), 8, half->memory.size() / 2);
    for (const auto& slot : {*whole, *half}) {
      const Reference reference = {slot.index, slot.generation};
      if (send(socket, &reference, sizeof(reference), MSG_NOSIGNAL) < 0) return 3;
    }
    return kill(getpid(), SIGKILL);
  });
  const auto listener = StartListener();
  const auto offer = std::make_shared<TestOffer>();
  child.Tell(*listener, listener->Offer(offer));
  RingReader reader(offer->WaitUntilTaken(), Direction::kToServer);
  const auto whole = child.Hear<Reference>();
  const auto half = child.Hear<Reference>();
  ASSERT_TRUE(whole && half);
  EXPECT_TRUE(WIFSIGNALED(child.Join()));

  const auto slot = reader.Open(whole->slot, whole->generation);
  ASSERT_TRUE(slot.ok()) << slot.status();
  EXPECT_EQ(slot->bytes.back(), std::byte{7});
  EXPECT_EQ(reader.Open(half->slot, half->generation).status().code(), absl::StatusCode::kInvalidArgument);
  // And nobody misses the dead when we write to it.
  RingWriter writer(offer->WaitUntilTaken(), Direction::kToClient);
  for (uint32_t i = 0; i < kShape.slot_count; ++i) EXPECT_TRUE(writer.Begin());
  EXPECT_FALSE(writer.Begin(absl::Milliseconds(1)));
}

// Whether this process may become another user, which takes root, and that of no namespace with a single user.
bool CanBecomeAnother() {
  Child child([](int) { return setresuid(65534, 65534, 65534) == 0 ? 0 : 1; });
  return child.Join() == 0;
}

TEST(HandoverTest, RefusesAnotherUser) {
  if (!CanBecomeAnother()) GTEST_SKIP() << "only root can become another user";
  Child child([](int socket) {
    if (setresuid(65534, 65534, 65534) != 0) return 1;
    // The child also looks at who the server is; here it comes to ask in spite of that.
    Offered offered;
    if (recv(socket, &offered, sizeof(offered), 0) != ssize_t{sizeof(offered)}) return 2;
    if (HandoverReceiver::Fetch(offered.name, std::string_view(offered.nonce, sizeof(offered.nonce)), kLong)
            .status()
            .code() != absl::StatusCode::kPermissionDenied) {
      return 3;
    }
    sockaddr_un at = {};
    at.sun_family = AF_UNIX;
    const size_t length = strlen(offered.name);
    std::memcpy(at.sun_path + 1, offered.name, length);
    const int connection = ::socket(AF_UNIX, SOCK_SEQPACKET, 0);
    if (connect(connection, reinterpret_cast<sockaddr*>(&at), offsetof(sockaddr_un, sun_path) + 1 + length) != 0) {
      return 4;
    }
    (void)!send(connection, offered.nonce, sizeof(offered.nonce), MSG_NOSIGNAL);
    char answer = 0;
    return recv(connection, &answer, 1, 0) <= 0 ? 0 : 5;
  });
  const auto listener = StartListener();
  const auto offer = std::make_shared<TestOffer>();
  const std::string nonce = listener->Offer(offer);
  child.Tell(*listener, nonce);
  EXPECT_EQ(child.Join(), 0);
  EXPECT_FALSE(offer->made());
  // The offer is still good for who it was meant for.
  EXPECT_TRUE(HandoverReceiver::Fetch(listener->name(), nonce, kLong).ok());
}

TEST(HandoverTest, ServesNobodyButItsUser) {
  const auto listener = StartListener(geteuid() + 1);
  const auto offer = std::make_shared<TestOffer>();
  const auto got = HandoverReceiver::Fetch(listener->name(), listener->Offer(offer), kLong);
  EXPECT_FALSE(got.ok());
  EXPECT_FALSE(offer->made());
}

TEST(HandoverTest, TakesEachNonceOnce) {
  const auto listener = StartListener();
  const auto offer = std::make_shared<TestOffer>();
  const std::string nonce = listener->Offer(offer);
  {
    auto first = HandoverReceiver::Fetch(listener->name(), nonce, kLong);
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_TRUE(first->SayMapped().ok());
  }
  EXPECT_EQ(HandoverReceiver::Fetch(listener->name(), nonce, kLong).status().code(), absl::StatusCode::kUnavailable);
}

TEST(HandoverTest, RefusesNoncesThatNobodyHas) {
  const auto listener = StartListener();
  auto ended = std::make_shared<TestOffer>();
  const auto withdrawn = std::make_shared<TestOffer>();
  const std::string ended_nonce = listener->Offer(ended);
  const std::string withdrawn_nonce = listener->Offer(withdrawn);
  ended.reset();
  listener->Withdraw(withdrawn_nonce);
  for (const std::string& nonce : {ended_nonce, withdrawn_nonce, std::string(kHandoverNonceBytes, '\0')}) {
    EXPECT_EQ(HandoverReceiver::Fetch(listener->name(), nonce, kLong).status().code(), absl::StatusCode::kUnavailable);
  }
  EXPECT_FALSE(withdrawn->made());
  EXPECT_EQ(HandoverReceiver::Fetch(listener->name(), "short", kLong).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(HandoverTest, FindsNoServerWhereThereIsNone) {
  const std::string nonce(kHandoverNonceBytes, 'n');
  EXPECT_THAT(HandoverReceiver::Fetch("downpour-nobody-listens-here", nonce, kLong).status().message(),
              HasSubstr("connect"));
  EXPECT_FALSE(HandoverReceiver::Fetch("", nonce, kLong).ok());
  EXPECT_FALSE(HandoverReceiver::Fetch(std::string(200, 'x'), nonce, kLong).ok());
}

TEST(HandoverTest, GoesOnAfterOneThatSaysNothing) {
  const auto listener = StartListener();
  sockaddr_un at = {};
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path + 1, listener->name().data(), listener->name().size());
  const OwnedFd silent(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  ASSERT_EQ(connect(silent.get(), reinterpret_cast<sockaddr*>(&at),
                    offsetof(sockaddr_un, sun_path) + 1 + listener->name().size()),
            0);
  const auto offer = std::make_shared<TestOffer>();
  EXPECT_TRUE(HandoverReceiver::Fetch(listener->name(), listener->Offer(offer), kLong).ok());
}

TEST(HandoverTest, EndsWhileSomebodyIsBeingServed) {
  auto listener = StartListener();
  const auto offer = std::make_shared<TestOffer>();
  const auto got = HandoverReceiver::Fetch(listener->name(), listener->Offer(offer), kLong);
  ASSERT_TRUE(got.ok()) << got.status();
  listener.reset();  // waits for our word that we have mapped it
}

// An impostor: one that has the name, but hands over what it likes.
absl::StatusOr<HandoverReceiver> FetchFromImpostor(int fd_to_send, const SegmentShape& shape) {
  const std::string name = "downpour-impostor-" + std::to_string(getpid());
  sockaddr_un at = {};
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path + 1, name.data(), name.size());
  const socklen_t length = offsetof(sockaddr_un, sun_path) + 1 + name.size();
  const OwnedFd listening(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  EXPECT_EQ(bind(listening.get(), reinterpret_cast<sockaddr*>(&at), length), 0);
  EXPECT_EQ(listen(listening.get(), 1), 0);
  std::thread impostor([&] {
    const OwnedFd connection(accept(listening.get(), nullptr, nullptr));
    const struct {
      uint32_t magic = 0x444d4853;
      uint32_t version = 1;
      SegmentShape shape;
    } said = {.shape = shape};
    iovec bytes = {const_cast<void*>(static_cast<const void*>(&said)), sizeof(said)};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message = {};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    if (fd_to_send >= 0) {
      message.msg_control = control;
      message.msg_controllen = sizeof(control);
      cmsghdr* const rights = CMSG_FIRSTHDR(&message);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(rights), &fd_to_send, sizeof(int));
    }
    sendmsg(connection.get(), &message, MSG_NOSIGNAL);
    char rest[64];
    while (recv(connection.get(), rest, sizeof(rest), 0) > 0) {
    }
  });
  auto got = HandoverReceiver::Fetch(name, std::string(kHandoverNonceBytes, 'n'), kLong);
  shutdown(listening.get(), SHUT_RDWR);
  if (got.ok()) {
    EXPECT_TRUE(got->SayMapped().ok());
    const auto segment = got->segment();
    got = absl::AlreadyExistsError("mapped");
  }
  impostor.join();
  return got;
}

TEST(HandoverTest, MapsNothingThatCouldBeCutShortUnderIt) {
  const auto sound = Segment::Create(kShape);
  ASSERT_TRUE(sound.ok());
  EXPECT_EQ(FetchFromImpostor(sound->fd.get(), kShape).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(absl::IsAlreadyExists(FetchFromImpostor(sound->fd.get(), {5, 64 << 10}).status()));
  EXPECT_FALSE(absl::IsAlreadyExists(FetchFromImpostor(sound->fd.get(), {~0u, ~0u}).status()));
  EXPECT_FALSE(absl::IsAlreadyExists(FetchFromImpostor(-1, kShape).status()));
  const OwnedFd unsealed(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(ftruncate(unsealed.get(), static_cast<off_t>(SegmentBytes(kShape))), 0);
  EXPECT_THAT(FetchFromImpostor(unsealed.get(), kShape).status().message(), HasSubstr("could shrink"));
}

TEST(HostIdentityTest, IsTheSameForProcessesOfThisMachine) {
  const std::string here = HostIdentity();
  ASSERT_EQ(here.size(), 16u);
  Child child([](int socket) {
    const std::string there = HostIdentity();
    return send(socket, there.data(), there.size(), MSG_NOSIGNAL) == 16 ? 0 : 1;
  });
  const auto there = child.Hear<std::array<char, 16>>();
  ASSERT_TRUE(there);
  EXPECT_EQ(std::string(there->begin(), there->end()), here);
}

TEST(HostIdentityTest, IsAnotherForAnotherUser) {
  if (!CanBecomeAnother()) GTEST_SKIP() << "only root can become another user";
  Child child([](int socket) {
    if (setresuid(65534, 65534, 65534) != 0) return 1;
    const std::string there = HostIdentity();
    return send(socket, there.data(), there.size(), MSG_NOSIGNAL) == 16 ? 0 : 1;
  });
  const auto there = child.Hear<std::array<char, 16>>();
  if (!there) GTEST_SKIP() << "the other user may not see /proc";
  EXPECT_NE(std::string(there->begin(), there->end()), HostIdentity());
}

}  // namespace
}  // namespace downpour
