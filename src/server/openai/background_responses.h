// Responses that are generated while no client waits for them.
#pragma once
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "server/api/answering.h"
#include "server/openai/response_format.h"

namespace ferrum::server::openai {

// One thread reads the events of all of them. Thread-safe, but for being destroyed.
class BackgroundResponses {
 public:
  BackgroundResponses();
  ~BackgroundResponses();  // cancels what is left

  // The engine is held until the end.
  void start(Background response, std::shared_ptr<Engine> engine, Streams streams);
  // Ends it now, as cancelled. False if none of this id is being generated.
  bool cancel(const std::string& id);
  void cancel_all();

 private:
  struct Job;
  struct Ready;  // ids of jobs with events to be read

  void work();
  std::shared_ptr<Job> find(const std::string& id);
  void erase(const std::string& id);

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Job>> jobs_;
  std::shared_ptr<Ready> ready_;
  std::thread thread_;
};

}  // namespace ferrum::server::openai
