// POST /v1/completions
#include <cmath>

#include "server/api/answer_rule.h"
#include "server/api/budget.h"
#include "server/api/max_tokens.h"
#include "server/api/other_engines.h"
#include "server/api/prompt_fields.h"
#include "server/api/sampling_fields.h"
#include "server/api/thinking.h"
#include "server/openai/common.h"
#include "server/openai/openai.h"
#include "server/openai/prompt_vectors.h"

namespace ferrum::server::openai {
namespace {

constexpr int kDefaultMaxTokens = 16;  // OpenAI's default
constexpr int kMaxLogprobs = 20;

bool is_id(const Json& json) {
  return json.is_number_integer() && json.get<int64_t>() >= 0 && json.get<int64_t>() <= INT32_MAX;
}

Prompt prompt_of(const Json& json, const TextPrompt& manner) {
  if (json.is_string()) {
    TextPrompt prompt = manner;
    prompt.text = json.get<std::string>();
    return prompt;
  }
  if (json.is_array() && !json.empty() && std::all_of(json.begin(), json.end(), is_id))
    return TokenPrompt{json.get<std::vector<int32_t>>()};
  server::refuse("prompt", "prompt must be a string, token ids, or an array of such");
}

// `manner`: how texts are read.
std::vector<Prompt> prompts_of(const Json& json, const Engine& engine, const TextPrompt& manner) {
  std::vector<Prompt> prompts;
  if (is_mixed(json)) return {mixed_prompt("prompt", engine, json, manner)};
  if (json.is_array() && !json.empty() && !is_id(json.front())) {
    if (json.size() > kMostResults)
      server::refuse("prompt", "prompt must have at most {} texts, not {}", kMostResults, json.size());
    for (const Json& item : json) prompts.push_back(prompt_of(item, manner));
  } else {
    prompts.push_back(prompt_of(json, manner));
  }
  return prompts;
}

// Log probabilities in the shape of legacy completions: parallel arrays.
struct Logprobs {
  Json tokens = Json::array(), chances = Json::array(), top = Json::array(), offsets = Json::array();
  size_t offset = 0;  // characters of the text so far

  void add(const TokenChance& token, const std::vector<TokenChance>& likely) {
    const bool known = !std::isnan(token.logprob);  // the first token of a prompt has none
    tokens.push_back(token_text(token));
    chances.push_back(known ? Json(token.logprob) : Json());
    Json alternatives = known ? Json::object() : Json();
    for (const TokenChance& chance : likely) alternatives[token_text(chance)] = chance.logprob;
    if (known) alternatives[token_text(token)] = token.logprob;  // always among them
    top.push_back(std::move(alternatives));
    offsets.push_back(offset);
    for (const char c : token.bytes) offset += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }
  Json take() {
    Json json = {{"tokens", std::move(tokens)},
                 {"token_logprobs", std::move(chances)},
                 {"top_logprobs", std::move(top)},
                 {"text_offset", std::move(offsets)}};
    tokens = chances = top = offsets = Json::array();
    return json;
  }
  bool empty() const { return tokens.empty(); }
};

struct Shape {
  size_t choices = 1;               // per prompt
  std::vector<std::string> echoes;  // of each prompt, to precede its answers; empty: no echo
  bool logprobs = false;
  StreamOptions stream;
  std::vector<int> prompt_tokens;  // per prompt, for continuous_usage
  std::string rule_field{};        // that asks for a rule; empty: none
};

class CompletionFormat : public Format {
 public:
  CompletionFormat(Head head, Shape shape, size_t prompts)
      : head_(std::move(head)), shape_(std::move(shape)), logprobs_(prompts * shape_.choices) {}

  RequestFields fields() const override { return {.prompt = "prompt", .rule = shape_.rule_field}; }

 protected:
  size_t index(size_t prompt, int choice) const {
    return prompt * shape_.choices + static_cast<size_t>(choice);
  }
  std::string echo(size_t index) const {
    return shape_.echoes.empty() ? "" : shape_.echoes[index / shape_.choices];
  }
  size_t choices() const { return logprobs_.size(); }
  void add_prompt(size_t index, const PromptEvent& prompt) {
    for (const PromptToken& t : prompt.tokens) logprobs_[index].add(t.token, t.top);
  }

  Head head_;
  Shape shape_;
  std::vector<Logprobs> logprobs_;  // per choice
  UsageSum usage_;
};

class Whole final : public CompletionFormat {
 public:
  Whole(Head head, Shape shape, size_t prompts)
      : CompletionFormat(std::move(head), std::move(shape), prompts),
        texts_(choices()),
        reasons_(choices(), "length") {
    for (size_t i = 0; i < texts_.size(); ++i) texts_[i] = echo(i);
  }

  void take(size_t prompt, const Event& event, std::string& /*out*/) override {
    if (const auto* text = std::get_if<TextEvent>(&event)) {
      texts_[index(prompt, text->choice)] += text->text;
    } else if (const auto* token = std::get_if<TokenEvent>(&event)) {
      logprobs_[index(prompt, token->choice)].add(token->token, token->top);
    } else if (const auto* whole = std::get_if<PromptEvent>(&event)) {
      for (size_t i = prompt * shape_.choices; i < (prompt + 1) * shape_.choices; ++i) add_prompt(i, *whole);
    } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
      reasons_[index(prompt, finish->choice)] = finish_reason(*finish);
      usage_.add(prompt, finish->usage);
    }
  }

  void end(std::string& out) override {
    Json choices = Json::array();
    for (size_t i = 0; i < texts_.size(); ++i)
      choices.push_back({{"index", i},
                         {"text", texts_[i]},
                         {"logprobs", shape_.logprobs ? logprobs_[i].take() : Json()},
                         {"finish_reason", reasons_[i]}});
    out += to_text({{"id", head_.id},
                    {"object", "text_completion"},
                    {"created", head_.created},
                    {"model", head_.model},
                    {"choices", std::move(choices)},
                    {"usage", usage_.json()}});
  }

  void fail(const ApiError& error, std::string& /*out*/) override { throw ApiError(error); }

 private:
  std::vector<std::string> texts_;
  std::vector<const char*> reasons_;
};

class Stream final : public CompletionFormat {
 public:
  using CompletionFormat::CompletionFormat;

  void begin(std::string& out) override {
    if (shape_.logprobs) return;  // the echo then comes together with the prompt's
    for (size_t i = 0; i < choices(); ++i)
      if (const std::string text = echo(i); !text.empty()) chunk(i, text, nullptr, out);
  }

  void take(size_t prompt, const Event& event, std::string& out) override {
    if (const auto* text = std::get_if<TextEvent>(&event)) {
      generated_ = text->generated_tokens;
      chunk(index(prompt, text->choice), text->text, nullptr, out);
    } else if (const auto* token = std::get_if<TokenEvent>(&event)) {
      logprobs_[index(prompt, token->choice)].add(token->token, token->top);
    } else if (const auto* whole = std::get_if<PromptEvent>(&event)) {
      generated_ = 0;
      for (size_t i = prompt * shape_.choices; i < (prompt + 1) * shape_.choices; ++i) {
        add_prompt(i, *whole);
        chunk(i, echo(i), nullptr, out);
      }
    } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
      generated_ = finish->usage.generated_tokens;
      chunk(index(prompt, finish->choice), "", finish_reason(*finish), out);
      usage_.add(prompt, finish->usage);
    }
  }

  void end(std::string& out) override {
    if (shape_.stream.usage) {
      Json json = frame();
      json["choices"] = Json::array();
      json["usage"] = usage_.json();
      append_event(out, to_text(json));
    }
    append_event(out, "[DONE]");
  }

  void fail(const ApiError& error, std::string& out) override { append_event(out, error_json(error)); }

 private:
  Json frame() const {
    return {
        {"id", head_.id}, {"object", "text_completion"}, {"created", head_.created}, {"model", head_.model}};
  }

  void chunk(size_t index, const std::string& text, const char* reason, std::string& out) {
    Json json = frame();
    Logprobs& logprobs = logprobs_[index];
    json["choices"] = Json::array({{{"index", index},
                                    {"text", text},
                                    {"logprobs", logprobs.empty() ? Json() : logprobs.take()},
                                    {"finish_reason", reason ? Json(reason) : Json()}}});
    if (shape_.stream.continuous_usage)
      json["usage"] = usage_so_far(shape_.prompt_tokens[index / shape_.choices], generated_);
    else if (shape_.stream.usage)
      json["usage"] = nullptr;
    append_event(out, to_text(json));
  }

  int generated_ = 0;  // tokens so far of the choice whose chunk is being written
};

// Reads the text after the gap that the answer fills.
void read_suffix(Fields& f, const Engine& engine, std::vector<Prompt>& prompts) {
  const std::string suffix = f.text("suffix").value_or("");
  if (suffix.empty()) return;
  if (f.flag("echo").value_or(false))
    f.refuse_value("suffix", "suffix: a prompt with a gap cannot be echoed");
  for (Prompt& prompt : prompts) {
    const auto* text = std::get_if<TextPrompt>(&prompt);
    if (!text) return f.refuse_value("suffix", "suffix: the prompt must be a string, not token ids");
    prompt = infill_prompt(
        f, "suffix", engine,
        {.prefix = text->text, .suffix = suffix, .files = {}, .control_tokens = text->control_tokens});
  }
}

}  // namespace

ApiRequest completion(Fields& f, const Engine& engine) {
  ApiRequest api_request;
  const std::string model = model_of(f);
  Request r;
  r.sampling = engine.recommended_sampling();
  const TextPrompt manner = {
      .text = "", .control_tokens = read_control_tokens(f), .bos = read_bos(f, TextPrompt::Bos::kAdded)};
  std::vector<Prompt> prompts = read_prompt_vectors(f, engine);
  if (prompts.empty())
    prompts = prompts_of(f.required("prompt"), engine, manner);
  else
    f.refuse("prompt", "prompt_embeds takes its place", {""});
  read_sampling(f, r);
  r.max_tokens = read_max_tokens(f).value_or(kDefaultMaxTokens);
  const auto logprobs = f.integer("logprobs", 0, kMaxLogprobs);
  if (logprobs) r.logprobs = static_cast<int>(*logprobs);

  Shape shape = {.choices = static_cast<size_t>(r.choices),
                 .echoes = {},
                 .logprobs = logprobs.has_value(),
                 .stream = read_stream(f),
                 .prompt_tokens = {}};
  if (f.flag("echo").value_or(false)) {
    r.prompt_logprobs = r.logprobs;
    if (std::holds_alternative<MixedPrompt>(prompts.front()))
      server::refuse("echo", "echo: a prompt of vectors has no text");
    for (const Prompt& prompt : prompts) {
      const auto* text = std::get_if<TextPrompt>(&prompt);
      shape.echoes.push_back(text ? text->text : engine.text_of(std::get<TokenPrompt>(prompt).ids));
    }
  }
  check_choices(f, shape.stream, r, prompts.size());
  read_suffix(f, engine, prompts);
  read_completion_hints(f);
  refuse_unserved(f);
  for (const char* name : {"tools", "functions"})
    f.refuse(name, "a text that is completed has no place for tools; use /v1/chat/completions",
             {Json::array()});
  f.refuse("tool_choice", "there are no tools here", {"none", "auto"});
  if (const auto asked = read_answer_rule(f)) {
    r.rule = asked->rule;
    shape.rule_field = asked->field;
  }
  if (const auto budget = read_thought_budget(f)) r.max_thought_tokens = *budget;
  read_other_engines(f);
  f.hint("timings_per_token", {false});
  f.refuse_others();
  if (shape.stream.continuous_usage)
    for (Prompt& prompt : prompts) {
      std::vector<int32_t> tokens = engine.tokens_of(prompt);
      shape.prompt_tokens.push_back(static_cast<int>(tokens.size()));
      if (!std::holds_alternative<MixedPrompt>(prompt)) prompt = TokenPrompt{std::move(tokens)};
    }

  const Delivery delivery = shape.stream.delivery;
  Head head = {.id = new_id("cmpl-"), .model = model};
  api_request.delivery = delivery;
  if (delivery == Delivery::kStream)
    api_request.format = std::make_unique<Stream>(std::move(head), std::move(shape), prompts.size());
  else
    api_request.format = std::make_unique<Whole>(std::move(head), std::move(shape), prompts.size());
  for (const Prompt& prompt : prompts) {
    api_request.requests.push_back(r);
    api_request.requests.back().prompt = prompt;
  }
  return api_request;
}

}  // namespace ferrum::server::openai
