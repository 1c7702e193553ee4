// Responses that are generated without a waiting client.
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

// One thread reads the events of all of them. Thread-safe, except for destruction.
class BackgroundResponses {
 public:
  BackgroundResponses();
  ~BackgroundResponses();  // cancels the remaining responses

  // The engine is held until the end.
  void start(Background response, std::shared_ptr<Engine> engine, Streams streams);
  // Ends a response now, as cancelled. Returns false if none with this id is being generated.
  bool cancel(const std::string& id);
  void cancel_all();

 private:
  struct Job;
  struct Ready;  // ids of jobs with unread events

  void work();
  std::shared_ptr<Job> find(const std::string& id);
  void erase(const std::string& id);

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Job>> jobs_;
  std::shared_ptr<Ready> ready_;
  std::thread thread_;
};

}  // namespace ferrum::server::openai
