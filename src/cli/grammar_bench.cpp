#include "cli/grammar_bench.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <ctime>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/check.h"
#include "base/error.h"
#include "base/json.h"
#include "base/quantile.h"
#include "base/random.h"
#include "cli/input.h"

namespace ferrum::cli {
namespace {

using grammar::Grammar;
using grammar::Refusal;
using grammar::TokenGrammar;
using grammar::TokenMatcher;
using grammar::Vocabulary;

constexpr int kDrawnTexts = 4;
constexpr int kDrawnTokens = 256;

// CPU time of this thread: other programs do not count.
double microseconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
}

std::shared_ptr<const Vocabulary> vocabulary_of(const Tokenizer& tokenizer) {
  std::vector<Vocabulary::Token> tokens(static_cast<size_t>(tokenizer.size()));
  for (TokenId id = 0; id < tokenizer.size(); ++id) {
    const TokenKind kind = tokenizer.kind(id);
    if (kind == TokenKind::kUnknown || kind == TokenKind::kUnused) continue;
    tokens[static_cast<size_t>(id)] = {tokenizer.bytes(id), kind == TokenKind::kControl};
  }
  return std::make_shared<const Vocabulary>(std::move(tokens));
}

bool has(std::span<const uint32_t> words, TokenId token) {
  return words[static_cast<size_t>(token) / 32] >> (static_cast<size_t>(token) % 32) & 1;
}

// One of the tokens in a mask; -1: there is none.
TokenId drawn(std::span<const uint32_t> words, uint64_t bits) {
  size_t total = 0;
  for (const uint32_t word : words) total += static_cast<size_t>(std::popcount(word));
  if (total == 0) return -1;
  size_t left = bits % total;
  for (size_t i = 0;; ++i) {
    const auto here = static_cast<size_t>(std::popcount(words[i]));
    if (left >= here) {
      left -= here;
      continue;
    }
    uint32_t word = words[i];
    for (; left > 0; --left) word &= word - 1;
    return static_cast<TokenId>(i * 32 + static_cast<size_t>(std::countr_zero(word)));
  }
}

struct Figures {
  double average = 0, p50 = 0, p99 = 0, p999 = 0, most = 0;
};

Figures figures_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return {.average = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()),
          .p50 = quantile(values, 0.5),
          .p99 = quantile(values, 0.99),
          .p999 = quantile(values, 0.999),
          .most = values.back()};
}

std::string row(const char* name, const Figures& f) {
  return fmt::format("{:<12}{:>10.3f}{:>10.3f}{:>10.3f}{:>10.3f}{:>10.3f}\n", name, f.average, f.p50, f.p99,
                     f.p999, f.most);
}

Json json_of(const Figures& f) {
  return {{"average", f.average}, {"p50", f.p50}, {"p99", f.p99}, {"p99.9", f.p999}, {"most", f.most}};
}

GrammarTask task_of(const std::filesystem::path& file, grammar::Spec spec) {
  GrammarTask task = {.name = file.filename().string(), .spec = std::move(spec), .texts = {}};
  task.spec.source = read_all(file);
  const OrderedJson json = parse_ordered_json(task.spec.source, file.string());
  if (!json.is_object() || !json.contains("schema") || !json.contains("tests") || !json["tests"].is_array())
    return task;
  task.spec.source = json["schema"].dump();
  for (const OrderedJson& test : json["tests"])
    if (test.is_object() && test.value("valid", false) && test.contains("data"))
      task.texts.push_back(test["data"].dump());
  return task;
}

}  // namespace

std::vector<GrammarTask> schema_tasks(const std::filesystem::path& folder, grammar::Spec like) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().extension() == ".json") files.push_back(entry.path());
  if (files.empty()) fail(ErrorCode::kNotFound, "{}: no .json file in this folder", folder.string());
  std::sort(files.begin(), files.end());
  std::vector<GrammarTask> tasks;
  for (const auto& file : files) tasks.push_back(task_of(file, like));
  return tasks;
}

GrammarBench::GrammarBench(const Tokenizer& tokenizer, uint64_t seed)
    : tokenizer_(tokenizer),
      seed_(seed),
      vocabulary_(vocabulary_of(tokenizer)),
      words_(vocabulary_->words()) {}

void GrammarBench::run(const GrammarTask& task) {
  Cost cost = {.name = task.name};
  const double start = microseconds();
  std::shared_ptr<const TokenGrammar> compiled;
  try {
    compiled = std::make_shared<const TokenGrammar>(Grammar::compile(task.spec), vocabulary_);
  } catch (const Refusal&) {
    ++refused_;
  }
  cost.compile_ms = (microseconds() - start) / 1000;
  if (compiled) {
    for (const std::string& text : task.texts) follow(TokenMatcher(compiled), text, cost);
    for (int i = 0; task.texts.empty() && i < kDrawnTexts; ++i)
      draw(TokenMatcher(compiled), random_bits(seed_, costs_.size() * kDrawnTexts + static_cast<size_t>(i)),
           cost);
  }
  costs_.push_back(std::move(cost));
}

void GrammarBench::measure_mask(const TokenMatcher& matcher, Cost& cost) {
  const double start = microseconds();
  if (!matcher.mask(words_)) std::fill(words_.begin(), words_.end(), UINT32_MAX);
  mask_us_.push_back(microseconds() - start);
  cost.mask_us = std::max(cost.mask_us, mask_us_.back());
}

void GrammarBench::follow(TokenMatcher matcher, const std::string& text, Cost& cost) {
  ++texts_;
  for (const TokenId token : tokenizer_.encode({text, false}, {.add_special = false})) {
    measure_mask(matcher, cost);
    const bool is_allowed = has(words_, token);
    check(matcher.accept(token) == is_allowed, "a mask and a matcher agree");
    if (is_allowed) continue;
    ++rejected_;
    return;
  }
  measure_mask(matcher, cost);
  if (!matcher.is_complete()) ++rejected_;
}

void GrammarBench::draw(TokenMatcher matcher, uint64_t key, Cost& cost) {
  ++texts_;
  for (uint64_t i = 0; i < kDrawnTokens; ++i) {
    measure_mask(matcher, cost);
    const TokenId token = drawn(words_, random_bits(key, i));
    if (token < 0) return;
    check(matcher.accept(token), "a token of a mask is accepted");
  }
}

std::string GrammarBench::table(size_t slowest) const {
  std::vector<double> compile_ms;
  for (const Cost& cost : costs_) compile_ms.push_back(cost.compile_ms);
  std::string out = fmt::format(
      "{} of {} grammars compiled; {} texts, {} not followed to the end; {} masks of {} tokens\n\n",
      costs_.size() - refused_, costs_.size(), texts_, rejected_, mask_us_.size(), vocabulary_->size());
  out += fmt::format("{:<12}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "", "average", "p50", "p99", "p99.9", "most");
  out += row("compile, ms", figures_of(compile_ms));
  out += row("mask, µs", figures_of(mask_us_));
  const auto list = [&](const char* title, double Cost::*figure) {
    std::vector<Cost> sorted = costs_;
    std::sort(sorted.begin(), sorted.end(),
              [&](const Cost& a, const Cost& b) { return a.*figure > b.*figure; });
    out += fmt::format("\n{}\n", title);
    for (size_t i = 0; i < std::min(slowest, sorted.size()); ++i)
      out += fmt::format("{:>10.3f}  {}\n", sorted[i].*figure, sorted[i].name);
  };
  if (slowest > 0) {
    list("Slowest to compile, ms", &Cost::compile_ms);
    list("Slowest masks, µs", &Cost::mask_us);
  }
  return out;
}

std::string GrammarBench::json() const {
  std::vector<double> compile_ms;
  for (const Cost& cost : costs_) compile_ms.push_back(cost.compile_ms);
  return Json{{"grammars", costs_.size()},
              {"refused", refused_},
              {"texts", texts_},
              {"not_followed", rejected_},
              {"masks", mask_us_.size()},
              {"vocabulary", vocabulary_->size()},
              {"compile_ms", json_of(figures_of(compile_ms))},
              {"mask_us", json_of(figures_of(mask_us_))}}
      .dump();
}

}  // namespace ferrum::cli
