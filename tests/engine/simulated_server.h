// A server without a model: the loop over a machine whose every step takes the time that a formula gives, by
// a virtual clock. The same seed gives the same run.
#pragma once
#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/logits_model.h"
#include "engine/loop/loop.h"

namespace ferrum::test {

// The seconds that a step takes are a sum.
struct Machine {
  std::string name;
  double step = 0;      // for each step: weights are read
  double sequence = 0;  // for each sequence that decodes
  double token = 0;     // for each token of a prompt
  double read = 0;      // for each cached token that a chunk reads
  double attend = 0;    // for each pair of a prompt token and a token before it
  double noise = 0;     // standard deviation of the logarithm of a factor
  double pauses = 0;    // chance that a step takes ten times as long

  double time_of(int tokens, int position) const {
    if (tokens == 1) return sequence + read * (position + 1);
    return token * tokens + read * (position + tokens) + attend * tokens * (position + 0.5 * tokens);
  }
  // t(d), where each of d sequences has `context` tokens.
  double decoding(int d, int context) const { return step + d * time_of(1, context); }
  // A prompt without anything beside it.
  double prompt(int tokens, int batch_tokens) const {
    double seconds = 0;
    for (int at = 0; at < tokens; at += batch_tokens)
      seconds += step + time_of(std::min(batch_tokens, tokens - at), at);
    return seconds;
  }
};

class SimulatedModel final : public LogitsModel {
 public:
  SimulatedModel(Machine machine, int sequences, uint64_t seed)
      : machine_(std::move(machine)), logits_(static_cast<size_t>(sequences) * kVocab), random_(seed) {}

  std::span<const float> step(std::span<const Chunk> chunks) override {
    double time = machine_.step;
    for (const Chunk& chunk : chunks)
      time += machine_.time_of(static_cast<int>(chunk.tokens.size()), chunk.position);
    time *= std::exp(machine_.noise * std::normal_distribution<>()(random_));
    if (std::uniform_real_distribution<>()(random_) < machine_.pauses) time *= 10;
    pass(time);
    return std::span(logits_).first(chunks.size() * kVocab);
  }
  void copy_blocks(std::span<const BlockCopy>) override {}
  void read_hidden(std::span<float>) override {}
  int hidden() const override { return 0; }
  int vocab() const override { return kVocab; }

  void pass(double seconds) {
    now += std::chrono::ceil<Clock::duration>(std::chrono::duration<double>(seconds));
  }
  double seconds() const { return std::chrono::duration<double>(now.time_since_epoch()).count(); }

  Clock::time_point now{};

 private:
  static constexpr int kVocab = 2;
  Machine machine_;
  std::vector<float> logits_;
  std::mt19937_64 random_;
};

struct Question {
  int prompt = 0;  // tokens
  int answer = 0;  // tokens
  int choices = 1;
  int priority = 0;
};

// A request and when its tokens came.
class Client final : public EventSink {
 public:
  Client(const SimulatedModel& model, const Question& question)
      : question(question), submitted(model.seconds()), model_(model) {}

  void push(Event event) override {
    if (std::holds_alternative<TokenEvent>(event)) times.push_back(model_.seconds());
    if (std::holds_alternative<FinishEvent>(event)) ++ended_;
    if (const auto* finish = std::get_if<FinishEvent>(&event)) preemptions += finish->usage.preemptions;
    if (std::holds_alternative<ErrorEvent>(event)) failed = true;
  }
  bool cancelled() const override { return is_cancelled; }

  bool ended() const { return ended_ == question.choices; }
  double first_token() const { return times.front() - submitted; }
  // On average, of the only choice.
  double between_tokens() const {
    return (times.back() - times.front()) / static_cast<double>(times.size() - 1);
  }

  Question question;
  double submitted;           // in seconds
  std::vector<double> times;  // of its tokens, of all choices
  int preemptions = 0;
  bool failed = false;
  bool is_cancelled = false;

 private:
  const SimulatedModel& model_;
  int ended_ = 0;
};

class SimulatedServer {
 public:
  struct Options {
    int batch_tokens = 512;
    int sequences = 16;
    int blocks = 4096;
  };
  static constexpr int kBlockTokens = 16;

  SimulatedServer(const Machine& machine, const Options& options, uint64_t seed)
      : model(machine, options.sequences, seed),
        loop(model, nullptr,
             {.limits = {.batch_tokens = options.batch_tokens,
                         .max_sequences = options.sequences,
                         .block_tokens = kBlockTokens},
              .cache = {.blocks = options.blocks,
                        .block_tokens = kBlockTokens,
                        .reuse = PrefixCache::Reuse::kOff},
              .now = [this] { return model.now; }}) {}

  std::shared_ptr<Client> ask(const Question& question) {
    auto client = std::make_shared<Client>(model, question);
    auto job = std::make_shared<Job>();
    job->request.max_tokens = question.answer;
    job->request.choices = question.choices;
    job->request.priority = question.priority;
    job->request.logprobs = 0;
    job->request.sampling.temperature = 0;
    job->prompt.assign(static_cast<size_t>(question.prompt), 0);
    job->limit = static_cast<size_t>(question.prompt + question.answer);
    job->facts = {.prompt_tokens = job->prompt.size(), .ends = {-1}};
    job->root = root_key("", "", "");
    job->sink = client;
    job->submitted = model.now;
    loop.add(job);
    clients.push_back(client);
    return client;
  }

  SimulatedModel model;
  Loop loop;
  std::vector<std::shared_ptr<Client>> clients;  // all clients with a request, in order
};

}  // namespace ferrum::test
