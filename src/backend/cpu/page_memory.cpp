#include "backend/cpu/page_memory.h"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace ferrum::cpu {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kChunk = size_t{64} << 20;
constexpr size_t kCacheLine = 64;

}  // namespace

PageMemory::PageMemory(size_t bytes, Room room) : bytes_(bytes) {
  if (bytes == 0 || room == Room::kCounted) return;
  const bool is_huge = bytes >= kHugePage;
  const size_t mapped = is_huge ? bytes + kHugePage : bytes;
  void* map =
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<uint8_t*>(map);
  if (!is_huge) return;
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(map) % kHugePage) % kHugePage;
  data_ += before;
  constexpr size_t kPage = 4096;
  const size_t rounded = (bytes + kPage - 1) / kPage * kPage;
  if (before > 0) munmap(map, before);
  if (mapped - before > rounded) munmap(data_ + rounded, mapped - before - rounded);
  madvise(data_, bytes, MADV_HUGEPAGE);  // if refused, small pages are used
}

PageMemory::~PageMemory() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

PageMemory::PageMemory(PageMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

PageMemory& PageMemory::operator=(PageMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

bool PageMemory::interleave(std::span<const int> nodes) const {
  constexpr size_t kMostNodes = 1024;
  constexpr size_t kBits = sizeof(unsigned long) * 8;
  std::array<unsigned long, kMostNodes / kBits> mask = {};
  for (const int node : nodes)
    if (node >= 0 && static_cast<size_t>(node) < kMostNodes)
      mask[static_cast<size_t>(node) / kBits] |= 1ul << static_cast<size_t>(node) % kBits;
  // The kernel uses one bit less than its argument says.
  return data_ != nullptr &&
         syscall(SYS_mbind, data_, bytes_, MPOL_INTERLEAVE, mask.data(), kMostNodes + 1, 0) == 0;
}

std::shared_ptr<uint8_t> PageArena::take(size_t bytes) {
  if (chunk_ == nullptr || bytes > chunk_->bytes() - taken_) {
    chunk_ = std::make_shared<PageMemory>(std::max(bytes, kChunk));
    if (nodes_.size() > 1) chunk_->interleave(nodes_);
    taken_ = 0;
  }
  uint8_t* data = chunk_->data() + taken_;
  taken_ = std::min((taken_ + bytes + kCacheLine - 1) / kCacheLine * kCacheLine, chunk_->bytes());
  return {chunk_, data};
}

}  // namespace ferrum::cpu
