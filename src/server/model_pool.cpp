#include "server/model_pool.h"

#include <algorithm>

#include "base/error.h"
#include "base/human_bytes.h"
#include "base/log.h"
#include "server/api/api_error.h"
#include "server/api/ids.h"

namespace ferrum::server {

namespace {

ApiError stopping() { return {503, "unavailable", "", "the server is stopping"}; }

// The error sent to clients for a model that cannot be loaded. Messages may name files, so they stay in the
// log; those about memory contain only numbers.
std::exception_ptr load_error(const std::string& name) {
  try {
    throw;
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kNoMemory || e.code() == ErrorCode::kUnavailable)
      return std::current_exception();
  } catch (...) {
  }
  return std::make_exception_ptr(
      ApiError(500, "load_failed", "model",
               "the model " + in_quotes(name) + " cannot be loaded; the server's log has the details"));
}

}  // namespace

ModelPool::ModelPool(Options options) : options_(options), thread_([this] { work(); }) {}

ModelPool::~ModelPool() { close(); }

void ModelPool::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  const std::lock_guard closing(close_mutex_);
  if (thread_.joinable()) thread_.join();
  std::vector<Ready> left;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [name, model] : models_)
      for (Ready& ready : std::exchange(model.waiting, {})) left.push_back(std::move(ready));
  }
  for (const Ready& ready : left) ready(std::make_exception_ptr(stopping()), nullptr);
}

void ModelPool::add(const std::string& name, std::shared_ptr<Engine> engine) {
  put(name, {.engine = std::move(engine), .load = {}});
}
void ModelPool::add(const std::string& name, Load load) {
  put(name, {.engine = {}, .load = std::move(load)});
}

void ModelPool::add_alias(const std::string& alias, const std::string& name) {
  const std::lock_guard lock(mutex_);
  Model& model = named(name);
  if (alias.empty()) fail(ErrorCode::kBadArgument, "an alias of the model {} is empty", in_quotes(name));
  if (models_.contains(alias) || aliases_.contains(alias))
    fail(ErrorCode::kBadArgument, "the alias {} is the name of a model already", in_quotes(alias));
  aliases_[alias] = name;
  model.aliases.push_back(alias);
}

void ModelPool::put(const std::string& name, Model model) {
  model.created = now();
  model.used = Clock::now();
  const std::lock_guard lock(mutex_);
  if (first_.empty()) first_ = name;
  if (const auto replaced = models_.find(name); replaced != models_.end())
    model.aliases = std::move(replaced->second.aliases);
  models_.insert_or_assign(name, std::move(model));
}

void ModelPool::get(const std::string& name, Ready ready) {
  std::shared_ptr<Engine> engine;
  try {
    const std::lock_guard lock(mutex_);
    Model& model = named(name);
    model.used = Clock::now();
    engine = model.engine;
    if (!engine && closing_) throw stopping();
    if (!engine) {
      model.waiting.push_back(std::move(ready));
      changed_.notify_all();
      return;
    }
  } catch (const ApiError&) {
    return ready(std::current_exception(), nullptr);
  }
  ready(nullptr, std::move(engine));
}

ModelPool::Model& ModelPool::named(const std::string& name) {
  return const_cast<Model&>(std::as_const(*this).named(name));
}

const ModelPool::Model& ModelPool::named(const std::string& name) const {
  if (models_.empty()) throw ApiError(503, "loading", "", "the model is being loaded");
  const auto alias = aliases_.find(name);
  const auto found = models_.find(alias == aliases_.end() ? name : alias->second);
  if (found != models_.end()) return found->second;
  std::string names;
  for (const auto& [other, model] : models_) names += (names.empty() ? "" : ", ") + in_quotes(other);
  throw ApiError(404, "model_not_found", "model",
                 "there is no model " + in_quotes(name) + "; this server has " + names);
}

std::vector<ModelPool::Entry> ModelPool::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<Entry> entries;
  for (const auto& [name, model] : models_)
    entries.push_back({name, model.engine, model.created, name == loading_, model.aliases});
  return entries;
}

ModelPool::Entry ModelPool::entry(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const Model& model = named(name);
  return {name, model.engine, model.created, name == loading_, {}};
}

std::string ModelPool::first() const {
  const std::lock_guard lock(mutex_);
  return first_;
}

void ModelPool::work() {
  const auto is_wanted = [](const auto& model) { return !model.second.waiting.empty(); };
  std::unique_lock lock(mutex_);
  while (!closing_) {
    const auto wanted = std::ranges::find_if(models_, is_wanted);
    if (wanted != models_.end()) {
      load_next(lock, wanted->first);
      continue;
    }
    const Clock::time_point next = unload_idle(lock);
    const auto has_work = [&] { return closing_ || std::ranges::any_of(models_, is_wanted); };
    if (next == Clock::time_point::max())
      changed_.wait(lock, has_work);
    else
      changed_.wait_until(lock, next, has_work);
  }
}

void ModelPool::load_next(std::unique_lock<std::mutex>& lock, const std::string& name) {
  const Load how = models_.at(name).load;
  loading_ = name;
  lock.unlock();
  std::exception_ptr error;
  std::shared_ptr<Engine> engine;
  try {
    log::info("loading {}", in_quotes(name));
    engine = load(how);
  } catch (const std::exception& e) {
    log::error("{} cannot be loaded: {}", in_quotes(name), e.what());
    error = load_error(name);
  }
  lock.lock();
  loading_.clear();
  Model& model = models_.at(name);
  const std::vector<Ready> waiting = std::exchange(model.waiting, {});
  model.engine = engine;
  model.used = Clock::now();
  lock.unlock();
  for (const Ready& ready : waiting) ready(error, engine);
  engine.reset();
  lock.lock();
}

std::shared_ptr<Engine> ModelPool::load(const Load& load) {
  bool could_fit = true;  // beside no other model
  const Permission permission = {
      .reserve =
          [&](uint64_t bytes) {
            could_fit = options_.max_bytes == 0 || bytes <= options_.max_bytes;
            if (!could_fit)
              fail(ErrorCode::kNoMemory, "it needs {}, and all models together may take {}",
                   human_bytes(bytes), human_bytes(options_.max_bytes));
            check_room(bytes);
          },
      .check =
          [this] {
            const std::lock_guard lock(mutex_);
            if (closing_) fail(ErrorCode::kUnavailable, "the server is stopping");
          },
  };
  while (true) {
    try {
      return load(permission);
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kNoMemory || !could_fit || !unload_one()) throw;
    }
  }
}

void ModelPool::check_room(uint64_t bytes) {
  if (options_.max_bytes == 0) return;
  uint64_t taken = 0;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, model] : models_)
    if (model.engine) taken += model.engine->memory().total();
  if (taken + bytes > options_.max_bytes)
    fail(ErrorCode::kNoMemory, "it needs {}, but {} of the {} for models are in use", human_bytes(bytes),
         human_bytes(taken), human_bytes(options_.max_bytes));
}

ModelPool::Model* ModelPool::least_used() {
  Model* least = nullptr;
  for (auto& [name, model] : models_) {
    // Engines are handed out under the lock, so the reference count of an unused one cannot grow here.
    const bool is_idle = model.engine && model.load && model.engine.use_count() == 1;
    if (is_idle && (!least || model.used < least->used)) least = &model;
  }
  return least;
}

bool ModelPool::unload_one() {
  std::shared_ptr<Engine> engine;  // destroyed outside the lock, since that takes time
  const std::lock_guard lock(mutex_);
  Model* const model = least_used();
  if (!model) return false;
  engine = std::move(model->engine);
  return true;
}

ModelPool::Clock::time_point ModelPool::unload_idle(std::unique_lock<std::mutex>& lock) {
  const Clock::time_point never = Clock::time_point::max();
  if (options_.idle.count() == 0) return never;
  Clock::time_point next = never;
  std::vector<std::shared_ptr<Engine>> gone;
  for (auto& [name, model] : models_) {
    if (!model.engine || !model.load) continue;
    if (model.engine.use_count() > 1) model.used = Clock::now();
    const Clock::time_point end = model.used + options_.idle;
    if (end <= Clock::now()) {
      log::info("unloading {}, which was not used for {:.0f} s", in_quotes(name),
                std::chrono::duration<double>(options_.idle).count());
      gone.push_back(std::move(model.engine));
    } else {
      next = std::min(next, end);
    }
  }
  lock.unlock();
  gone.clear();
  lock.lock();
  return next;
}

}  // namespace ferrum::server
