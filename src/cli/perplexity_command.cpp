// ferrum perplexity: measures how well a model predicts a text.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "engine/backend_factory.h"
#include "engine/memory_plan.h"

namespace ferrum::cli {
namespace {

struct PerplexityOptions {
  EngineOptions engine;
  std::string file;
  int window = 512;
  int windows = 0;
  bool control_tokens = false;
  bool json = false;
};

constexpr const char* kPerplexityExplanation =
    "The text is cut into windows of equal length, and a rest that fills no window is dropped. Each window "
    "is "
    "read on its\n"
    "own. Of its second half all tokens but the first are scored: 255 of 512. Where the model's tokenizer "
    "puts BOS before\n"
    "a text, it does so before the whole text, and BOS then replaces the first token of each window. "
    "llama.cpp's\n"
    "llama-perplexity scores the same tokens.\n\n"
    "Examples:\n"
    "  ferrum perplexity model.gguf wiki.test.raw\n"
    "  ferrum perplexity model.gguf text.txt --window 2048 --windows 10 --json\n"
    "  ferrum perplexity model.gguf chats.txt --control-tokens    # read <|im_start|> and the like as such";

struct Score {
  double negative_log_likelihood = 0;
  double squares = 0;  // sum over the tokens, for the uncertainty
  int64_t tokens = 0;

  void add(double nll) {
    negative_log_likelihood += nll;
    squares += nll * nll;
    ++tokens;
  }
  double mean() const { return negative_log_likelihood / static_cast<double>(tokens); }
  double perplexity() const { return std::exp(mean()); }
  double uncertainty() const {  // one standard error, propagated through the exponential
    const auto n = static_cast<double>(tokens);
    return n < 2 ? 0 : perplexity() * std::sqrt(std::max(0.0, squares / n - mean() * mean()) / (n - 1));
  }
};

double negative_log_probability(std::span<const float> logits, TokenId id) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(x - largest);
  return largest + std::log(sum) - logits[static_cast<size_t>(id)];
}

void score_window(Runner& runner, std::span<const TokenId> tokens, std::span<const BlockId> blocks,
                  Score& score) {
  const size_t first_scored = tokens.size() / 2 + 1;
  const auto vocab = static_cast<size_t>(runner.vocab());
  for (size_t start = 0; start < tokens.size();) {
    const size_t count = std::min(tokens.size() - start, static_cast<size_t>(runner.options().max_tokens));
    const bool scored = start + count >= first_scored;
    const Chunk chunk = {.tokens = tokens.subspan(start, count),
                         .position = static_cast<int>(start),
                         .blocks = blocks,
                         .outputs = scored ? Outputs::kAll : Outputs::kNone};
    const std::span<const float> logits = runner.step(std::span(&chunk, 1));
    for (size_t i = 0; scored && i < count; ++i) {
      const size_t next = start + i + 1;
      if (next >= first_scored && next < tokens.size())
        score.add(negative_log_probability(logits.subspan(i * vocab, vocab), tokens[next]));
    }
    start += count;
  }
}

void perplexity_command(const PerplexityOptions& o) {
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(find_model(o.engine.model));
  const std::unique_ptr<const Tokenizer> tokenizer = checkpoint->load_tokenizer();
  if (!tokenizer) fail(ErrorCode::kBadArgument, "{} has no tokenizer", o.engine.model.string());
  if (o.window < 4 || o.window > checkpoint->model().context)
    fail(ErrorCode::kBadArgument, "--window {}: the model allows 4 to {}", o.window,
         checkpoint->model().context);

  const std::string text = read_all(o.file);
  std::vector<TokenId> tokens = tokenizer->encode({text, o.control_tokens});
  const size_t window = static_cast<size_t>(o.window);
  size_t windows = tokens.size() / window;
  if (o.windows > 0) windows = std::min(windows, static_cast<size_t>(o.windows));
  if (windows == 0)
    fail(ErrorCode::kBadArgument, "{} has {} tokens, less than one window of {}", o.file, tokens.size(),
         o.window);

  const int rows =
      // Rows whose logits are kept at the same time.
      std::min(o.window, std::min(o.engine.batch_tokens, 128));
  const RunnerOptions options = {.max_tokens = rows,
                                 .max_outputs = rows,
                                 .max_context = o.window,
                                 .kv_tokens = o.window,
                                 .kv_dtype = parse_kv_dtype(o.engine.kv_dtype)};
  std::unique_ptr<Backend> backend = make_backend(backend_options(o.engine));
  require_fit(memory_plan(*checkpoint, options, *backend), checkpoint->model(), "use a smaller --window");
  Progress loading("loading");
  Runner runner(std::move(backend), checkpoint, options,
                [&](uint64_t done, uint64_t total) { loading.update(done, total); });
  const std::vector<BlockId> blocks = first_blocks(runner.blocks());

  Score score;
  Progress progress("perplexity");
  for (size_t w = 0; w < windows; ++w) {
    const std::span<TokenId> part(tokens.data() + w * window, window);
    if (tokenizer->special().add_bos && tokenizer->special().bos) part[0] = *tokenizer->special().bos;
    score_window(runner, part, blocks, score);
    progress.update(w + 1, windows);
  }
  if (o.json) {
    fmt::print("{}\n", Json{{"perplexity", score.perplexity()},
                            {"uncertainty", score.uncertainty()},
                            {"negative_log_likelihood", score.mean()},
                            {"tokens_scored", score.tokens},
                            {"windows", windows},
                            {"window", o.window}}
                           .dump());
  } else {
    fmt::print("perplexity {:.4f} ± {:.4f} ({} windows of {} tokens, {} tokens scored)\n", score.perplexity(),
               score.uncertainty(), windows, o.window, score.tokens);
  }
}

}  // namespace

void add_perplexity(CLI::App& app) {
  auto o = std::make_shared<PerplexityOptions>();
  CLI::App& command = *app.add_subcommand("perplexity", "Measure how well a model predicts a text");
  command.add_option("MODEL", o->engine.model, kModelHelp)->required()->check(a_name());
  command.add_option("FILE", o->file, "The text; - for standard input")->required()->check(a_name());
  command.add_option("--window", o->window, "Tokens per window")->capture_default_str();
  command.add_option("--windows", o->windows, "Maximum number of windows; 0: all")->check(from_to(0));
  command.add_flag("--control-tokens", o->control_tokens, "Recognise control tokens in the text");
  command.add_flag("--json", o->json, "Print JSON");
  add_backend_options(command, o->engine);
  add_batch_tokens_option(command, o->engine);
  add_kv_dtype_option(command, o->engine);
  command.footer(kPerplexityExplanation);
  command.callback([o] { perplexity_command(*o); });
}

}  // namespace ferrum::cli
