// The requests in progress, for administrators.
#pragma once
#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "server/api/answering.h"
#include "server/api/json.h"

namespace ferrum::server {

// Thread-safe.
class RunningRequests {
 public:
  struct Entry {
    std::string path;
    std::string model;
    size_t prompts = 0;
    Delivery delivery = Delivery::kWhole;
    std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
    std::atomic<int64_t> texts = 0;  // pieces of text so far, about a token each
  };
  // The request is listed while its ticket is held.
  using Ticket = std::shared_ptr<Entry>;
  Ticket enter(const std::string& path, const std::string& model, size_t prompts, Delivery delivery);

  // [{"path", "model", "prompts", "stream", "seconds", "texts"}], oldest first
  Json json() const;

 private:
  mutable std::mutex mutex_;
  std::list<std::weak_ptr<Entry>> entries_;
};

// A format that counts the pieces of text.
class CountedFormat final : public Format {
 public:
  CountedFormat(std::unique_ptr<Format> format, RunningRequests::Ticket ticket)
      : format_(std::move(format)), ticket_(std::move(ticket)) {}

  void begin(std::string& out) override { format_->begin(out); }
  void take(size_t prompt, const Event& event, std::string& out) override {
    if (std::holds_alternative<TextEvent>(event) || std::holds_alternative<PartEvent>(event))
      ++ticket_->texts;
    format_->take(prompt, event, out);
  }
  void end(std::string& out) override { format_->end(out); }
  void fail(const ApiError& error, std::string& out) override { format_->fail(error, out); }
  RequestFields fields() const override { return format_->fields(); }

 private:
  std::unique_ptr<Format> format_;
  RunningRequests::Ticket ticket_;
};

}  // namespace ferrum::server
