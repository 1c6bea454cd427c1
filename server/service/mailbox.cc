#include "server/service/mailbox.h"

namespace downpour {

void Mailbox::Deliver(ShardId shard, PushCompletion completion) {
  MutexLock lock(&mutex_);
  if (closed_) return;
  mail_.pushes.emplace_back(shard, std::move(completion));
  has_mail_.store(true, std::memory_order_release);
}

void Mailbox::Deliver(ShardId shard, PullCompletion completion) {
  MutexLock lock(&mutex_);
  if (closed_) return;
  mail_.pulls.emplace_back(shard, std::move(completion));
  has_mail_.store(true, std::memory_order_release);
}

void Mailbox::End(absl::Status status) {
  {
    MutexLock lock(&mutex_);
    if (closed_ || !mail_.end.ok()) return;
    mail_.end = std::move(status);
    has_mail_.store(true, std::memory_order_release);
  }
  Wake();
}

void Mailbox::Drain() {
  {
    MutexLock lock(&mutex_);
    if (closed_) return;
    mail_.drain = true;
    has_mail_.store(true, std::memory_order_release);
  }
  Wake();
}

void Mailbox::Wake() {
  MutexLock lock(&link_mutex_);
  if (link_ != nullptr) link_->Wake();
}

void Mailbox::Close() {
  {
    MutexLock lock(&link_mutex_);
    link_ = nullptr;
  }
  Mail unread;  // whose blocks are let go of outside of the lock
  MutexLock lock(&mutex_);
  closed_ = true;
  std::swap(unread, mail_);
}

Mailbox::Mail Mailbox::Take() {
  MutexLock lock(&mutex_);
  has_mail_.store(false, std::memory_order_relaxed);
  return std::exchange(mail_, Mail());
}

}  // namespace downpour
