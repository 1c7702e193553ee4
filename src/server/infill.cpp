#include "server/infill.h"

#include <array>

#include "server/api/answer_rule.h"
#include "server/api/max_tokens.h"
#include "server/api/other_engines.h"
#include "server/api/prompt_fields.h"
#include "server/api/sampling_fields.h"
#include "server/api/thinking.h"

namespace ferrum::server {
namespace {

std::vector<InfillPrompt::File> read_files(Fields& body) {
  std::vector<InfillPrompt::File> files;
  const Json* extra = body.find("input_extra");
  if (!extra) return files;
  if (!extra->is_array()) refuse("input_extra", "input_extra must be an array of objects");
  for (size_t i = 0; i < extra->size(); ++i) {
    Fields file(body, (*extra)[i], fmt::format("input_extra[{}]", i));
    file.required("text");
    files.push_back({file.text("filename").value_or("tmp"), file.text("text").value_or("")});
  }
  return files;
}

const char* stop_type(const FinishEvent& finish) {
  if (!finish.stop.empty()) return "word";
  return finish.reason == FinishReason::kStop ? "eos" : "limit";
}

// Fields of llama-server that are honoured here and nowhere else.
constexpr std::string_view kResponseFields = "response_fields";
constexpr std::array<std::string_view, 4> kOwnFields{kResponseFields, "n_indent", "t_max_predict_ms",
                                                     "t_max_prompt_ms"};

struct InfillHead {
  std::string model;
  std::string rule_field;                    // that asks for a rule; empty: none
  std::vector<std::string> response_fields;  // those that the whole response has; empty: all
};

class InfillFormat : public Format {
 public:
  explicit InfillFormat(InfillHead head) : head_(std::move(head)) {}

  void take(size_t /*prompt*/, const Event& event, std::string& out) override {
    if (const auto* text = std::get_if<TextEvent>(&event)) take_text(text->text, out);
    if (const auto* finish = std::get_if<FinishEvent>(&event)) finish_ = *finish;
  }
  RequestFields fields() const override { return {.prompt = "input_prefix", .rule = head_.rule_field}; }

 protected:
  virtual void take_text(const std::string& text, std::string& out) = 0;

  Json last(const std::string& content) const {
    Json all = {{"index", 0},
                {"content", content},
                {"model", head_.model},
                {"stop", true},
                {"stop_type", stop_type(finish_)},
                {"stopping_word", finish_.stop},
                {"tokens_predicted", finish_.usage.generated_tokens},
                {"tokens_evaluated", finish_.usage.prompt_tokens},
                {"tokens_cached", finish_.usage.cached_tokens},
                {"truncated", false}};
    if (head_.response_fields.empty()) return all;
    Json some = Json::object();
    for (const std::string& name : head_.response_fields)
      if (all.contains(name)) some[name] = std::move(all[name]);
    return some;
  }

 private:
  InfillHead head_;
  FinishEvent finish_;
};

class Whole final : public InfillFormat {
 public:
  using InfillFormat::InfillFormat;
  void end(std::string& out) override { out += to_text(last(content_)); }
  void fail(const ApiError& error, std::string& /*out*/) override { throw ApiError(error); }

 private:
  void take_text(const std::string& text, std::string& /*out*/) override { content_ += text; }
  std::string content_;
};

class Stream final : public InfillFormat {
 public:
  using InfillFormat::InfillFormat;
  void end(std::string& out) override { append_event(out, to_text(last(""))); }
  void fail(const ApiError& error, std::string& out) override { append_event(out, error_json(error)); }

 private:
  void take_text(const std::string& text, std::string& out) override {
    append_event(out, to_text({{"index", 0}, {"content", text}, {"stop", false}}));
  }
};

}  // namespace

ApiRequest infill(Fields& f, const Engine& engine) {
  InfillHead head{.model = model_of(f), .rule_field = {}, .response_fields = {}};
  Request r;
  r.sampling = engine.recommended_sampling();
  f.required("input_prefix");
  f.required("input_suffix");
  const InfillPrompt prompt = {.prefix = f.text("input_prefix").value_or("") + f.text("prompt").value_or(""),
                               .suffix = f.text("input_suffix").value_or(""),
                               .files = read_files(f),
                               .control_tokens = read_control_tokens(f)};
  r.prompt = infill_prompt(f, "input_prefix", engine, prompt);
  read_sampling(f, r);
  if (r.choices != 1 || r.best_of > 1) f.refuse_value("n", "n must be 1: a gap is filled in once");
  if (const auto most = read_max_tokens(f)) r.max_tokens = *most;
  const bool stream = f.flag("stream").value_or(false);
  const std::optional<AskedRule> asked = read_answer_rule(f);
  if (asked) r.rule = asked->rule;
  if (asked) head.rule_field = asked->field;
  head.response_fields = f.texts(std::string(kResponseFields)).value_or(std::vector<std::string>());
  if (const auto budget = read_thought_budget(f)) r.max_thought_tokens = *budget;
  f.refuse("prompt_embeds", "/v1/completions takes vectors");
  const LineLimits limits = read_line_limits(f);
  f.hint("t_max_prompt_ms", {-1, 0});  // llama-server reads it and does not act on it: it changes no answer
  read_other_engines(f, kOwnFields);
  f.hint("timings_per_token", {false});
  f.refuse_others();

  ApiRequest api_request;
  api_request.line_limits = limits;
  api_request.delivery = stream ? Delivery::kStream : Delivery::kWhole;
  if (stream)
    api_request.format = std::make_unique<Stream>(std::move(head));
  else
    api_request.format = std::make_unique<Whole>(std::move(head));
  api_request.requests.push_back(std::move(r));
  return api_request;
}

}  // namespace ferrum::server
