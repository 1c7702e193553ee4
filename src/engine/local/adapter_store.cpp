#include "engine/local/adapter_store.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/human_bytes.h"
#include "checkpoint/adapters/adapter.h"

namespace ferrum {
namespace {

constexpr size_t kMostNames = 4096;
constexpr size_t kMostBytesOfName = 256;

AdapterTables& tables_of(Runner& runner) {
  AdapterTables* const tables = runner.model().adapters();
  check(tables != nullptr, "the model has room for adapters");
  return *tables;
}

}  // namespace

AdapterStore::AdapterStore(Runner& runner, uint64_t bytes, BetweenSteps between_steps)
    : runner_(runner),
      tables_(tables_of(runner)),
      most_bytes_(bytes),
      between_steps_(std::move(between_steps)),
      slots_(static_cast<size_t>(tables_.slots())) {}

AdapterStore::Entry& AdapterStore::named(const std::string& name) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) fail(ErrorCode::kNotFound, "there is no adapter {}", in_quotes(name));
  return found->second;
}

void AdapterStore::load(const std::string& name, const std::filesystem::path& path, IfThere if_there) {
  if (name.empty() || name.size() > kMostBytesOfName)
    fail(ErrorCode::kBadArgument, "the name of an adapter has 1 to {} bytes, not {}", kMostBytesOfName,
         name.size());
  const std::lock_guard loading(loading_);
  {
    const std::lock_guard lock(mutex_);
    if (if_there == IfThere::kRefused && entries_.contains(name))
      fail(ErrorCode::kBadArgument, "there is an adapter {} already: unload it first", in_quotes(name));
    if (entries_.size() >= kMostNames)
      fail(ErrorCode::kBadArgument, "there are {} adapters already: unload some first", entries_.size());
  }
  Entry entry = {.path = path, .counts = std::make_shared<AdapterCounts>(), .in_use = nullptr};
  read(entry);
  const std::lock_guard lock(mutex_);
  entry.used = entry.number = ++uses_;
  entries_.insert_or_assign(name, std::move(entry));
}

void AdapterStore::unload(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    named(name);
    entries_.erase(name);
  }
  between_steps_([this] { reclaim(); });
}

std::shared_ptr<const AdapterInUse> AdapterStore::use(const std::string& name) {
  const auto find = [&]() -> std::shared_ptr<const AdapterInUse> {
    const std::lock_guard lock(mutex_);
    Entry& entry = named(name);
    entry.used = ++uses_;
    return entry.in_use;
  };
  if (auto found = find()) return found;
  const std::lock_guard loading(loading_);
  if (auto found = find()) return found;  // another request has read it meanwhile
  Entry entry;
  {
    const std::lock_guard lock(mutex_);
    entry = named(name);
  }
  read(entry);
  const std::lock_guard lock(mutex_);
  // It may have been unloaded meanwhile; this request still gets it.
  if (const auto known = entries_.find(name); known != entries_.end() && known->second.counts == entry.counts)
    known->second = entry;
  return entry.in_use;
}

std::vector<AdapterInfo> AdapterStore::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<uint64_t, std::string_view>> order;
  for (const auto& [name, entry] : entries_) order.emplace_back(entry.number, name);
  std::ranges::sort(order);
  std::vector<AdapterInfo> all;
  for (const auto& [number, name] : order) {
    const Entry& entry = entries_.find(name)->second;
    all.push_back({.name = std::string(name),
                   .path = entry.path,
                   .rank = entry.rank,
                   .parameters = entry.parameters,
                   .bytes = entry.bytes,
                   .in_memory = entry.in_use != nullptr,
                   .requests = entry.counts->requests,
                   .prompt_tokens = entry.counts->prompt_tokens,
                   .generated_tokens = entry.counts->generated_tokens});
  }
  return all;
}

void AdapterStore::read(Entry& entry) {
  const Adapter adapter = read_adapter(entry.path, runner_.checkpoint());
  entry.rank = adapter.largest_rank();
  entry.parameters = adapter.parameters();
  const AdapterTables::Prepared prepared = tables_.prepare(adapter);
  entry.bytes = std::max<uint64_t>(prepared.bytes(), 1);
  const int slot = take_slot(entry.bytes);
  try {
    between_steps_([&] { tables_.install(runner_.backend(), slot, prepared); });
  } catch (...) {
    const std::lock_guard lock(mutex_);
    slots_[static_cast<size_t>(slot)] = 0;
    throw;
  }
  const auto in_use =
      std::make_shared<AdapterInUse>(AdapterInUse{.slot = slot,
                                                  .changes_experts = adapter.changes_experts(),
                                                  .fingerprint = adapter.fingerprint,
                                                  .bytes = entry.bytes,
                                                  .counts = entry.counts});
  entry.in_use = std::shared_ptr<const AdapterInUse>(in_use.get(), [left = left_, in_use](const auto*) {
    const std::lock_guard lock(left->mutex);
    left->slots.push_back(in_use->slot);
    left->any = true;
  });
}

int AdapterStore::take_slot(uint64_t bytes) {
  if (bytes > most_bytes_)
    fail(ErrorCode::kNoMemory, "the adapter takes {}, and all adapters may take {}", human_bytes(bytes),
         human_bytes(most_bytes_));
  for (bool waited = false;;) {
    {
      const std::lock_guard lock(mutex_);
      const auto free = std::ranges::find(slots_, uint64_t{0});
      const uint64_t taken = std::accumulate(slots_.begin(), slots_.end(), uint64_t{0});
      if (free != slots_.end() && taken + bytes <= most_bytes_) {
        *free = bytes;
        return static_cast<int>(free - slots_.begin());
      }
    }
    // Unused ones are evicted first. A request that has just ended may still hold its adapter
    // until the next step.
    if (!left_->any) {
      const std::lock_guard lock(mutex_);
      if (!drop_one() && std::exchange(waited, true))
        fail(ErrorCode::kNoMemory, "all {} adapters that fit in memory are in use: try again later",
             std::ranges::count_if(slots_, [](uint64_t taken) { return taken > 0; }));
    }
    between_steps_([this] { reclaim(); });
  }
}

bool AdapterStore::drop_one() {
  Entry* oldest = nullptr;
  // Adapters are handed out under the mutex, so that the count of an unused one cannot grow here.
  for (auto& [name, entry] : entries_)
    if (entry.in_use.use_count() == 1 && (oldest == nullptr || entry.used < oldest->used)) oldest = &entry;
  if (oldest != nullptr) oldest->in_use.reset();
  return oldest != nullptr;
}

void AdapterStore::reclaim() {
  if (!left_->any) return;
  std::vector<int> slots;
  {
    const std::lock_guard lock(left_->mutex);
    slots.swap(left_->slots);
    left_->any = false;
  }
  for (const int slot : slots) tables_.remove(slot);
  const std::lock_guard lock(mutex_);
  for (const int slot : slots) slots_[static_cast<size_t>(slot)] = 0;
}

}  // namespace ferrum
