// What the engine itself costs: the loop over a model that costs nothing, sequences decoding side by side.
//
//   ferrum_engine_bench [--sequences 64] [--vocab 256] [--tokens 1000] [--readers 1] [--seconds 2] [--model
//   FILE]
//
// Greedy, every token told to its reader. With --model its tokenizer turns them into text. The time of the
// loop's thread is what the processor gave to it; readers run beside it.
#include <thread>

#include "base/random.h"
#include "bench/measure.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/readers/tokenizer_source.h"
#include "engine/local/event_queue.h"
#include "engine/loop/loop.h"
#include "tests/engine/free_model.h"

namespace ferrum::bench {
namespace {

constexpr int kBlockTokens = 16;
constexpr int kPromptTokens = 20;
constexpr int kFirstSteps = 8;

struct EngineBenchOptions : Options {
  int sequences = 64;
  int vocab = 256;
  int tokens = 1000;  // of an answer
  int readers = 1;    // threads
  std::string model;
};

EngineBenchOptions parse(int argc, char** argv) {
  EngineBenchOptions options;
  options.seconds = 2;
  struct Number {
    const char* flag;
    int least;
    int& value;
  };
  const Number numbers[] = {{"--sequences", 1, options.sequences},
                            {"--vocab", 2, options.vocab},
                            {"--tokens", 4 * kFirstSteps, options.tokens},
                            {"--readers", 1, options.readers}};
  bench::parse(argc, argv, options, [&](const std::string& flag, const std::string& value) {
    for (const Number& n : numbers) {
      if (flag != n.flag) continue;
      n.value = to_number<int>(value);
      if (n.value < n.least) fail(ErrorCode::kBadArgument, "{} must be {} or more", flag, n.least);
      return true;
    }
    if (flag == "--model") options.model = value;
    return flag == "--model";
  });
  return options;
}

std::shared_ptr<Job> make_job(const EngineBenchOptions& options, int number,
                              const std::shared_ptr<EventSink>& sink) {
  auto job = std::make_shared<Job>();
  job->request.max_tokens = options.tokens;
  job->request.sampling.temperature = 0;
  for (int i = 0; i < kPromptTokens; ++i)
    job->prompt.push_back(static_cast<TokenId>(random_bits(static_cast<uint64_t>(number), i) %
                                               static_cast<uint64_t>(options.vocab)));
  job->limit = job->prompt.size() + static_cast<size_t>(options.tokens);
  job->facts.prompt_tokens = job->prompt.size();
  job->root = root_key("", "", "");
  job->sink = sink;
  return job;
}

// Every n-th queue from the first on, to its end.
void read(std::span<const std::shared_ptr<EventQueue>> queues, size_t first, size_t n) {
  for (bool open = true; open;) {
    open = false;
    for (size_t i = first; i < queues.size(); i += n) open |= queues[i]->next().has_value();
  }
}

// Microseconds of the loop's thread per step of decoding, one figure for each round of answers.
std::vector<double> measure(const EngineBenchOptions& options, const Tokenizer* tokenizer) {
  test::FreeModel model(options.sequences, options.vocab);
  const int blocks = (kPromptTokens + options.tokens + kBlockTokens) / kBlockTokens * options.sequences;
  Loop loop(
      model, tokenizer,
      {.limits = {.batch_tokens = 4096, .max_sequences = options.sequences, .block_tokens = kBlockTokens},
       .cache = {.blocks = blocks, .block_tokens = kBlockTokens}});
  const int steps = options.tokens - 2 * kFirstSteps;
  std::vector<double> rounds;
  const double begin = now(2);
  while (rounds.size() < 5 || now(2) - begin < options.seconds) {
    std::vector<std::shared_ptr<EventQueue>> queues;
    for (int i = 0; i < options.sequences; ++i) {
      queues.push_back(std::make_shared<EventQueue>(1));
      loop.add(make_job(options, i, queues.back()));
    }
    std::vector<std::jthread> readers;
    for (size_t r = 0; r < static_cast<size_t>(options.readers); ++r)
      readers.emplace_back([&queues, r, &options] { read(queues, r, static_cast<size_t>(options.readers)); });
    for (int i = 0; i < kFirstSteps; ++i) loop.step();  // with all prompts
    const double start = now(1);
    for (int i = 0; i < steps; ++i) loop.step();
    rounds.push_back((now(1) - start) * 1e6 / steps);
    while (!loop.idle()) loop.step();
  }
  std::sort(rounds.begin(), rounds.end());
  return rounds;
}

void run(const EngineBenchOptions& options) {
  std::unique_ptr<const Tokenizer> tokenizer;
  if (!options.model.empty()) tokenizer = Checkpoint::open(options.model)->load_tokenizer();
  const std::vector<double> rounds = measure(options, tokenizer.get());
  const double median = rounds[rounds.size() / 2];
  std::printf(
      "%d sequences, %d tokens to choose from%s: %.1f us a step (%.1f at best), %.2f us a token, %.0f "
      "steps/s\n",
      options.sequences, options.vocab, tokenizer ? ", with text" : "", median, rounds.front(),
      median / options.sequences, 1e6 / median);
}

}  // namespace
}  // namespace ferrum::bench

int main(int argc, char** argv) {
  using namespace ferrum::bench;
  return run_main("ferrum_engine_bench", [&] { run(parse(argc, argv)); });
}
