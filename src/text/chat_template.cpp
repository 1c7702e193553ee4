#include "text/chat_template.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "text/jinja/evaluator.h"
#include "text/jinja/failure.h"
#include "text/jinja/from_json.h"
#include "text/jinja/lexer.h"
#include "text/jinja/parser.h"

namespace ferrum {

void RenderedPrompt::add_untrusted(const std::string& text) {
  if (text.empty()) return;
  if (pieces.empty() || pieces.back().trusted) pieces.emplace_back();
  pieces.back().text += text;
}

std::string RenderedPrompt::text() const {
  std::string all;
  for (const Piece& piece : pieces) all += piece.text;
  return all;
}

std::vector<TextSpan> RenderedPrompt::spans() const {
  std::vector<TextSpan> result;
  result.reserve(pieces.size());
  for (const Piece& piece : pieces) result.push_back({piece.text, piece.trusted});
  return result;
}

struct ChatTemplate::Impl {
  Impl(std::string text, const Limits& the_limits)
      : source(std::move(text)),
        limits(the_limits),
        program(jinja::parse(jinja::normalized(source), limits)) {}

  std::string source;
  Limits limits;
  jinja::Program program;
};

ChatTemplate::ChatTemplate(std::string source, const Limits& limits)
    : impl_(std::make_unique<Impl>(std::move(source), limits)) {}
ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

const std::string& ChatTemplate::source() const { return impl_->source; }

bool ChatTemplate::is_trusted_variable(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {
      "bos_token", "eos_token", "unk_token",  "sep_token",
      "pad_token", "cls_token", "mask_token", "additional_special_tokens"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

RenderedPrompt ChatTemplate::render(const OrderedJson& context, std::time_t now) const {
  if (!context.is_object()) fail(ErrorCode::kBadArgument, "a chat template's context is an object");
  RenderedPrompt prompt;
  try {
    jinja::Runtime runtime(impl_->limits, now);
    jinja::Evaluator evaluator(impl_->program, runtime);
    for (const auto& [name, value] : context.items()) {
      const auto origin = is_trusted_variable(name) ? jinja::Origin::kTemplate : jinja::Origin::kContext;
      evaluator.define(name, jinja::from_json(runtime, value, origin));
    }
    evaluator.run().for_each_run([&prompt](std::string_view run, jinja::Origin origin) {
      prompt.pieces.push_back({std::string(run), origin == jinja::Origin::kTemplate});
    });
  } catch (const jinja::Failure& failure) {
    if (failure.place) jinja::fail_at(*failure.place, failure.what());
    fail(ErrorCode::kBadTemplate, "chat template: {}", failure.what());
  }
  return prompt;
}

}  // namespace ferrum
