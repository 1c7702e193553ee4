// The models that a server has, by name. Some are there and stay; others are loaded when somebody asks for
// them, and unloaded when nobody has for long or when another one needs their memory.
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
    uint64_t max_bytes = 0;             // of all models; 0: what the machine has
    std::chrono::milliseconds idle{0};  // after which a model that nobody uses is unloaded; 0: never
  };

  // What a model's loading has to ask on its way. Both throw where it is not to go on.
  struct Permission {
    std::function<void(uint64_t bytes)> take;  // before they are taken, weights, cache and all
    std::function<void()> go_on;               // every now and then
  };
  // On the pool's thread, one after the other; may take minutes. An Error kNoMemory has another model
  // unloaded, if there is one that nobody uses, and is asked again.
  using Load = std::function<std::shared_ptr<Engine>(const Permission&)>;

  explicit ModelPool(Options options);
  ~ModelPool();  // closes

  // Nothing is loaded any more: whoever waits for that is told so before this returns. What is loaded can
  // still be had. More than once is as good as once.
  void close();

  // Replaces a model of that name.
  void add(const std::string& name, std::shared_ptr<Engine> engine);  // stays
  void add(const std::string& name, Load load);

  // The engine, or why there is none: on this thread, or on the pool's if it has to be loaded first. The
  // engine stays loaded for as long as somebody holds it. Other names are an ApiError 404; 503 where there is
  // no model at all yet.
  using Ready = std::function<void(std::exception_ptr error, std::shared_ptr<Engine> engine)>;
  void get(const std::string& name, Ready ready);

  struct Entry {
    std::string name;
    std::shared_ptr<Engine> engine;  // null: not loaded
    int64_t created = 0;             // Unix time at which the server came to know it, seconds
    bool loading = false;
  };
  std::vector<Entry> all() const;              // by name
  Entry entry(const std::string& name) const;  // ApiError as get() has it
  std::string first() const;                   // the name that was added first; empty: none

 private:
  struct Model {
    std::shared_ptr<Engine> engine;
    Load load;  // none: it stays
    int64_t created = 0;
    Clock::time_point used{};
    std::vector<Ready> waiting;  // for it to be loaded
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
  Model* least_used();  // of those that can be unloaded; under the lock

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Model> models_;
  std::string first_;
  std::string loading_;  // name
  bool closing_ = false;
  std::mutex close_mutex_;  // one thread at a time joins
  std::thread thread_;
};

}  // namespace ferrum::server
