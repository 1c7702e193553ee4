#include "base/mapped_file.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace ferrum {
namespace {

// The SIGBUS handler may only touch lock-free atomics, so open mappings are listed in a fixed table.
struct Slot {
  std::atomic<uintptr_t> begin{0};  // 0: free
  std::atomic<uintptr_t> end{0};
  std::atomic<bool> damaged{false};
};
constexpr int kSlots = 1024;  // files mapped at once; the largest sharded checkpoints have fewer than 200
std::array<Slot, kSlots> g_slots;
std::mutex g_mutex;  // guards claiming and releasing slots; the handler does not take it
struct sigaction g_previous;

size_t page_size() {
  static const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

// Maps zeros over a missing page; returns false if that fails. A raw system call, since mmap is not
// async-signal-safe, and since TSan's interceptor reports a race if two threads miss the same page.
bool put_zeros(uintptr_t page) {
  constexpr long kProtection = PROT_READ;  // long, as the kernel expects arguments in registers
  constexpr long kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  return syscall(SYS_mmap, page, page_size(), kProtection, kFlags, -1L, 0L) != -1;
}

// A page past the end of a file that shrank: map zeros, record it, and let the read continue.
void on_sigbus(int signal, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  for (Slot& slot : g_slots) {
    const uintptr_t begin = slot.begin.load(std::memory_order_acquire);
    if (begin == 0 || address < begin || address >= slot.end.load(std::memory_order_relaxed)) continue;
    if (!put_zeros(address & ~(static_cast<uintptr_t>(page_size()) - 1))) break;
    slot.damaged.store(true, std::memory_order_release);
    return;
  }
  if (g_previous.sa_flags & SA_SIGINFO) {
    g_previous.sa_sigaction(signal, info, context);
  } else if (g_previous.sa_handler != SIG_DFL && g_previous.sa_handler != SIG_IGN) {
    g_previous.sa_handler(signal);
  } else {
    ::signal(SIGBUS, SIG_DFL);
    raise(SIGBUS);
  }
}

void install_handler_once() {
  static const bool installed = [] {
    page_size();  // the handler must not be the first to call it
    struct sigaction action = {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &g_previous);
    return true;
  }();
  (void)installed;
}

int claim_slot(std::span<const std::byte> bytes) {
  const std::lock_guard lock(g_mutex);
  for (int i = 0; i < kSlots; ++i) {
    Slot& slot = g_slots[i];
    if (slot.begin.load() != 0) continue;
    slot.damaged = false;
    slot.end = reinterpret_cast<uintptr_t>(bytes.data()) + bytes.size();
    slot.begin.store(reinterpret_cast<uintptr_t>(bytes.data()), std::memory_order_release);
    return i;
  }
  fail(ErrorCode::kIo, "more than {} files mapped at once", kSlots);
}

void unmap(std::span<const std::byte> bytes) { munmap(const_cast<std::byte*>(bytes.data()), bytes.size()); }

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  install_handler_once();
  const FileDescriptor fd = open_regular_file(path);
  struct stat info = {};
  if (fstat(fd.get(), &info) != 0)
    fail(ErrorCode::kIo, "cannot stat {}: {}", path.string(), std::strerror(errno));
  const auto size = static_cast<size_t>(info.st_size);
  if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile(path, {}));
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) fail(ErrorCode::kIo, "cannot map {}: {}", path.string(), std::strerror(errno));
  return std::shared_ptr<const MappedFile>(new MappedFile(path, {static_cast<const std::byte*>(data), size}));
}

MappedFile::MappedFile(std::filesystem::path path, std::span<const std::byte> bytes)
    : path_(std::move(path)), bytes_(bytes) {
  if (bytes_.empty()) return;
  try {
    slot_ = claim_slot(bytes_);
  } catch (...) {
    unmap(bytes_);
    throw;
  }
}

MappedFile::~MappedFile() {
  if (slot_ < 0) return;
  const std::lock_guard lock(g_mutex);
  // First, since the addresses may be reused at once.
  g_slots[slot_].begin.store(0, std::memory_order_release);
  unmap(bytes_);
}

void MappedFile::release(std::span<const std::byte> part) const {
  if (part.data() < bytes_.data() || part.data() + part.size() > bytes_.data() + bytes_.size()) return;
  const uintptr_t mask = page_size() - 1;
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(part.data()) + mask) & ~mask;
  const uintptr_t end = reinterpret_cast<uintptr_t>(part.data() + part.size()) & ~mask;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

bool MappedFile::intact() const {
  return slot_ < 0 || !g_slots[slot_].damaged.load(std::memory_order_acquire);
}

}  // namespace ferrum
