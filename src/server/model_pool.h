// The models of a server, by name. Some stay loaded; others are loaded on demand, and unloaded after a time
// without use or when another model needs their memory.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ferrum/engine.h"

namespace ferrum::server {

// Thread-safe.
class ModelPool {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    uint64_t max_bytes = 0;             // of all models; 0: the machine's memory
    std::chrono::milliseconds idle{0};  // an unused model is unloaded after this time; 0: never
  };

  // Callbacks that loading a model must use. Both throw if loading must not continue.
  struct Permission {
    std::function<void(uint64_t bytes)> reserve;  // before memory is allocated, with the total
    std::function<void()> check;                  // regularly
  };
  // Called on the pool's thread, for one model at a time; may take minutes. After kNoMemory the least
  // recently used idle model is unloaded, if there is one, and the call is repeated.
  using Load = std::function<std::shared_ptr<Engine>(const Permission&)>;

  explicit ModelPool(Options options);
  ~ModelPool();  // calls close()

  // Stops loading. Callers that wait for a model get an error before this returns. Loaded models remain
  // available. May be called more than once.
  void close();

  // Adds a model, replacing one of the same name.
  void add(const std::string& name, std::shared_ptr<Engine> engine);  // stays
  void add(const std::string& name, Load load);
  // Adds another name for a model. Throws kBadArgument if the name is in use.
  void add_alias(const std::string& alias, const std::string& name);

  // Calls `ready` with the engine or an error: on this thread, or on the pool's thread if the model must be
  // loaded first. The engine stays loaded while it is held. `name` may be an alias. The error is an ApiError:
  // 404 for an unknown name, 503 while the pool has no model yet or has too little memory, 500 for a model
  // that cannot be loaded.
  using Ready = std::function<void(std::exception_ptr error, std::shared_ptr<Engine> engine)>;
  void get(const std::string& name, Ready ready);

  struct Entry {
    std::string name;
    std::shared_ptr<Engine> engine;  // null: not loaded
    int64_t created = 0;             // when it was added: Unix time, seconds
    bool loading = false;
    std::vector<std::string> aliases;
  };
  std::vector<Entry> all() const;  // sorted by name
  Entry entry(
      const std::string& name) const;  // `name`, or an alias, stays the entry's name; ApiError as get()
  std::string first() const;           // the name that was added first; empty: none

 private:
  struct Model {
    std::shared_ptr<Engine> engine;
    Load load;  // empty: stays loaded
    int64_t created = 0;
    Clock::time_point used{};
    std::vector<Ready> waiting;  // callers of get() waiting for this model to load
    std::vector<std::string> aliases;
  };

  const Model& named(const std::string& name) const;
  Model& named(const std::string& name);
  void put(const std::string& name, Model model);
  void work();
  void load_next(std::unique_lock<std::mutex>& lock, const std::string& name);
  std::shared_ptr<Engine> load(const Load& load);
  void check_room(uint64_t bytes);
  bool unload_one();
  Clock::time_point unload_idle(std::unique_lock<std::mutex>& lock);
  Model* least_used();  // the least recently used model that can be unloaded; requires the lock

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Model> models_;
  std::map<std::string, std::string> aliases_;  // alias to name
  std::string first_;
  std::string loading_;  // the name of the model being loaded
  bool closing_ = false;
  std::mutex close_mutex_;  // lets only one thread join
  std::thread thread_;
};

}  // namespace ferrum::server
