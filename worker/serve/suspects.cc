#include "worker/serve/suspects.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/check.h"

namespace sluice::worker {
namespace {

// Whole cache lines each: neighbours write at the same time.
struct alignas(64) Slot {
  std::array<std::atomic<RequestId>, limits::kJoinedRequests> running;  // 0: none
};
static_assert(sizeof(Slot) % 64 == 0 && std::atomic<RequestId>::is_always_lock_free);
constexpr std::size_t kBytes = kSuspectSlots * sizeof(Slot);

Error from_errno(const std::string& what) {
  return {ErrorCode::invalid_argument,
          "suspects memfd: " + what + ": " + std::generic_category().message(errno)};
}

Result<void*> map_slots(int fd, int protection) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    return from_errno("descriptor " + std::to_string(fd));
  }
  if (status.st_size < static_cast<off_t>(kBytes)) {
    return Error{ErrorCode::invalid_argument,
                 "suspects memfd: " + std::to_string(status.st_size) + " bytes, needs " +
                     std::to_string(kBytes)};
  }
  void* memory = ::mmap(nullptr, kBytes, protection, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    return from_errno("map");
  }
  return memory;
}

}  // namespace

Result<int> new_suspects_fd() {
  const int fd = ::memfd_create("sluice.suspects", MFD_CLOEXEC);
  if (fd < 0) {
    return from_errno("create");
  }
  if (::ftruncate(fd, static_cast<off_t>(kBytes)) != 0) {
    Error error = from_errno("size");
    ::close(fd);
    return error;
  }
  return fd;
}

Result<std::vector<RequestId>> read_suspects(int fd) {
  SLUICE_TRY_ASSIGN(void* memory, map_slots(fd, PROT_READ));
  std::vector<RequestId> running;
  const auto* slots = static_cast<const Slot*>(memory);
  for (std::size_t i = 0; i < kSuspectSlots; ++i) {
    for (const auto& place : slots[i].running) {
      const RequestId id = place.load(std::memory_order_acquire);
      if (id != 0 && running.size() < limits::kSuspects) {
        running.push_back(id);
      }
    }
  }
  ::munmap(memory, kBytes);
  return running;
}

Suspects::Suspects(Suspects&& other) noexcept : memory_(std::exchange(other.memory_, nullptr)) {}

Suspects& Suspects::operator=(Suspects&& other) noexcept {
  std::swap(memory_, other.memory_);
  return *this;
}

Suspects::~Suspects() {
  if (memory_ != nullptr) {
    ::munmap(memory_, kBytes);
  }
}

Result<Suspects> Suspects::map(int fd) {
  SLUICE_TRY_ASSIGN(void* memory, map_slots(fd, PROT_READ | PROT_WRITE));
  Suspects suspects;
  suspects.memory_ = memory;
  return suspects;
}

void Suspects::begin(std::size_t slot, std::span<const RequestId> ids) noexcept {
  SLUICE_CHECK(slot < kSuspectSlots && ids.size() <= limits::kJoinedRequests);
  if (memory_ != nullptr) {
    auto& running = static_cast<Slot*>(memory_)[slot].running;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      running[i].store(ids[i], std::memory_order_release);
    }
  }
}

void Suspects::end(std::size_t slot, std::size_t count) noexcept {
  SLUICE_CHECK(slot < kSuspectSlots && count <= limits::kJoinedRequests);
  if (memory_ != nullptr) {
    auto& running = static_cast<Slot*>(memory_)[slot].running;
    for (std::size_t i = 0; i < count; ++i) {
      running[i].store(0, std::memory_order_release);
    }
  }
}

}  // namespace sluice::worker
