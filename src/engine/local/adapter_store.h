// The adapters of an engine, by name. All are known by their files; some are in memory. The one used longest
// ago goes where another one needs its place, and is read again when it is wanted.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/function_ref.h"
#include "engine/adapter_in_use.h"
#include "engine/runner.h"
#include "ferrum/engine.h"
#include "models/adapter_tables.h"

namespace ferrum {

// For any thread, but where it says otherwise.
class AdapterStore {
 public:
  // Runs a function on the engine's thread between two steps, and waits for it.
  using BetweenSteps = std::function<void(FunctionRef<void()>)>;
  // The runner's model has room for adapters; their tensors take at most `bytes`.
  AdapterStore(Runner& runner, uint64_t bytes, BetweenSteps between_steps);

  enum class IfThere { kRefused, kReplaced };
  // Reads an adapter into memory. Requests in progress keep what they began with. Errors, which change
  // nothing: those of read_adapter(); kBadArgument for a name that is in use, or none; kNoMemory with the
  // numbers.
  void load(const std::string& name, const std::filesystem::path& path, IfThere if_there);
  void unload(const std::string& name);  // error kNotFound
  // The adapter of a new request, which keeps it in memory. Errors: kNotFound for an unknown name; where it
  // has to be read again, those of load().
  std::shared_ptr<const AdapterInUse> use(const std::string& name);
  std::vector<AdapterInfo> all() const;  // in the order in which they were loaded

  // On the engine's thread, between two steps: frees the memory of adapters that are no longer in use.
  void reclaim();

 private:
  struct Entry {
    std::filesystem::path path;
    int rank = 0;
    int64_t parameters = 0;
    uint64_t bytes = 0;
    std::shared_ptr<AdapterCounts> counts;
    std::shared_ptr<const AdapterInUse> in_use;  // null: not in memory
    uint64_t used = 0;                           // the order of use
    uint64_t number = 0;                         // the order of loading
  };
  // Slots that are no longer in use, though their contents are still there.
  struct Left {
    std::mutex mutex;
    std::vector<int> slots;
    std::atomic<bool> any = false;
  };

  Entry& named(const std::string& name);  // requires mutex_
  // Reads and installs an adapter; `entry` becomes what is known of it. Requires loading_.
  void read(Entry& entry);
  int take_slot(uint64_t bytes);
  // Drops the adapter that was used longest ago, of those that no request uses. Requires mutex_.
  bool drop_one();

  Runner& runner_;
  AdapterTables& tables_;
  const uint64_t most_bytes_;
  BetweenSteps between_steps_;

  std::mutex loading_;        // one adapter at a time
  mutable std::mutex mutex_;  // of what follows
  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<uint64_t> slots_;  // the bytes of each slot; 0: free
  uint64_t uses_ = 0;
  std::shared_ptr<Left> left_ = std::make_shared<Left>();
};

}  // namespace ferrum
