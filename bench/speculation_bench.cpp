// What speculation gives: the same answers with and without, in turns.
//
//   ferrum_speculation_bench MODEL [--draft MODEL | --speculate mtp] [--text FILE] [--rounds 5]
//                            [--max-tokens 200] [--temperature 0] [--draft-tokens 8]
//
// The prompt asks the model to repeat FILE's text, or without a file for a story. With --draft that model
// drafts, with --speculate mtp the model's own head, else n-grams do. Prints the decoding speed of every
// round, the medians and their ratio, and how many of the drafted tokens were right.
#include <fmt/core.h>

#include <fstream>
#include <iterator>

#include "bench/measure.h"
#include "ferrum/engine.h"

namespace ferrum::bench {
namespace {

struct SpeculationOptions : Options {
  std::string model;
  std::string draft;
  std::string speculate = "ngram";
  std::string text;
  int rounds = 5;
  int max_tokens = 200;
  int draft_tokens = 8;
  float temperature = 0;
};

SpeculationOptions parse(int argc, char** argv) {
  SpeculationOptions o;
  if (argc < 2) fail(ErrorCode::kBadArgument, "which model?");
  o.model = argv[1];
  bench::parse(argc - 1, argv + 1, o, [&](const std::string& flag, const std::string& value) {
    if (flag == "--draft")
      o.draft = value;
    else if (flag == "--speculate")
      o.speculate = value;
    else if (flag == "--text")
      o.text = value;
    else if (flag == "--rounds")
      o.rounds = to_number<int>(value);
    else if (flag == "--max-tokens")
      o.max_tokens = to_number<int>(value);
    else if (flag == "--draft-tokens")
      o.draft_tokens = to_number<int>(value);
    else if (flag == "--temperature")
      o.temperature = to_number<float>(value);
    else
      return false;
    return true;
  });
  return o;
}

std::string prompt_of(const SpeculationOptions& o) {
  if (o.text.empty()) return "Write a short story about a fox and a drum.";
  std::ifstream in(o.text);
  return "Repeat this text: " + std::string(std::istreambuf_iterator<char>(in), {});
}

struct Told {
  std::string text;
  Usage usage;
};

Told ask(Engine& engine, const SpeculationOptions& o) {
  Request r;
  if (engine.info().has_chat_template)
    r.prompt = ChatPrompt{.messages = {{"user", prompt_of(o)}}};
  else
    r.prompt = TextPrompt{prompt_of(o)};
  r.max_tokens = o.max_tokens;
  r.sampling.temperature = o.temperature;
  r.sampling.seed = 1;
  Told told;
  engine.generate(r, [&](const Event& event) {
    if (const auto* text = std::get_if<TextEvent>(&event)) told.text += text->text;
    if (const auto* finish = std::get_if<FinishEvent>(&event)) told.usage = finish->usage;
    if (const auto* error = std::get_if<ErrorEvent>(&event))
      fail(ErrorCode::kBadArgument, "{}", error->message);
  });
  return told;
}

double middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double speed(const Usage& u) { return (u.generated_tokens - 1) / u.decode_seconds; }

void run(int argc, char** argv) {
  const SpeculationOptions o = parse(argc, argv);
  EngineOptions plain = {.model = o.model, .threads = o.backend.threads, .prefix_cache = false};
  EngineOptions speculating = plain;
  speculating.speculate = o.draft.empty() ? o.speculate : "draft";
  speculating.draft = o.draft;
  speculating.draft_tokens = o.draft_tokens;
  std::vector<double> without, with, ratios;
  Usage usage;
  for (int round = 0; round < o.rounds; ++round) {
    // One engine at a time: two would take each other's cores. The first answer of each does not count.
    double speeds[2];
    std::string texts[2];
    for (int i = 0; i < 2; ++i) {
      const bool speculates = (i + round) % 2 == 1;
      const auto engine = Engine::load(speculates ? speculating : plain);
      ask(*engine, o);
      const Told told = ask(*engine, o);
      speeds[speculates] = speed(told.usage);
      texts[speculates] = told.text;
      if (speculates) usage = told.usage;
    }
    if (texts[0] != texts[1]) fail(ErrorCode::kBadArgument, "the texts differ");
    without.push_back(speeds[0]);
    with.push_back(speeds[1]);
    ratios.push_back(speeds[1] / speeds[0]);
    fmt::print("round {}: without {:.1f}, with {:.1f} tokens/s, ratio {:.2f}\n", round + 1, speeds[0],
               speeds[1], ratios.back());
  }
  fmt::print(
      "medians: without {:.1f}, with {:.1f} tokens/s, ratio {:.2f} ({:.2f}-{:.2f}); {} of {} drafted tokens "
      "were right, {} generated\n",
      middle(without), middle(with), middle(ratios), *std::min_element(ratios.begin(), ratios.end()),
      *std::max_element(ratios.begin(), ratios.end()), usage.accepted_tokens, usage.drafted_tokens,
      usage.generated_tokens);
}

}  // namespace
}  // namespace ferrum::bench

int main(int argc, char** argv) {
  return ferrum::bench::run_main("ferrum_speculation_bench", [&] { ferrum::bench::run(argc, argv); });
}
