#include "engine/prompt_builder.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "base/ascii.h"
#include "base/error.h"
#include "base/log.h"
#include "engine/text_before_calls.h"
#include "text/chat_context.h"
#include "text/end_tokens.h"
#include "tools/written_call.h"

namespace ferrum {
namespace {

// An answer that no template has of itself.
constexpr std::string_view kProbe = "ferrum-probe-3b1f";

// The text that a template wrote directly behind the probe, without white space before it.
std::string text_behind_probe(const RenderedPrompt& prompt) {
  for (size_t i = 0; i + 1 < prompt.pieces.size(); ++i) {
    const RenderedPrompt::Piece& piece = prompt.pieces[i];
    if (piece.trusted || !trimmed(piece.text).ends_with(kProbe)) continue;
    return std::string(trimmed(prompt.pieces[i + 1].text));
  }
  return {};
}

bool ends_turns(const Tokenizer& tokenizer, TokenId id) {
  const TokenKind kind = tokenizer.kind(id);
  return kind == TokenKind::kControl ||
         (kind == TokenKind::kUserDefined && is_known_end(tokenizer.spelling(id)));
}

OrderedJson parse_options(const std::string& text) {
  if (text.empty()) return OrderedJson::object();
  OrderedJson options;
  try {
    options = parse_ordered_json(text, "template options");
  } catch (const Error& e) {
    throw Error(ErrorCode::kBadArgument, e.what());
  }
  if (!options.is_object())
    fail(ErrorCode::kBadArgument, "template options: expected a JSON object, found {}", options.type_name());
  return options;
}

bool has_calls_or_thoughts(const std::vector<ChatMessage>& messages) {
  return std::ranges::any_of(messages, [](const ChatMessage& message) {
    return !message.tool_calls.empty() || message.role == "tool" || !message.reasoning.empty();
  });
}

// Whether the word stands in a template, not as a part of a longer name.
bool reads_variable(std::string_view source, std::string_view name) {
  const auto is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (size_t at = source.find(name); at != std::string_view::npos; at = source.find(name, at + 1)) {
    const size_t end = at + name.size();
    const bool begins = at == 0 || (!is_letter(source[at - 1]) && source[at - 1] != '.');
    if (begins && (end == source.size() || !is_letter(source[end]))) return true;
  }
  return false;
}

}  // namespace

PromptBuilder::PromptBuilder(const Checkpoint& checkpoint)
    : tokenizer_(checkpoint.load_tokenizer()),
      vocab_(checkpoint.model().vocab),
      hidden_(checkpoint.model().hidden) {
  if (tokenizer_ && tokenizer_->size() > vocab_)
    fail(ErrorCode::kBadFile, "{}: the tokenizer has {} tokens, the model {}", checkpoint.model().name,
         tokenizer_->size(), vocab_);
  if (tokenizer_) infill_ = infill_tokens_of(*tokenizer_);
  template_source_ = checkpoint.chat_template();
  std::optional<std::string> source = template_source_;
  if (!source && tokenizer_ && chat_ml_end(*tokenizer_)) {
    log::warn("{}: no chat template; ChatML is used, whose control tokens the vocabulary has",
              checkpoint.model().name);
    source = kChatMlTemplate;
  }
  has_template_ = source.has_value();
  format_ = tools::format_of(source.value_or(""), [this](std::string_view spelling) {
    return tokenizer_ && tokenizer_->find(spelling).has_value();
  });
  for (TokenId id = 0; tokenizer_ && id < tokenizer_->size(); ++id)
    if (tokenizer_->kind(id) == TokenKind::kControl && tools::is_mark(format_, tokenizer_->spelling(id)))
      marks_.push_back(id);
  if (tokenizer_) thoughts_ = thought_marks_of(*tokenizer_, format_, template_source_);
  if (!source) {
    template_error_ = "the model has no chat template";
    return;
  }
  for (const char* name : {"enable_thinking", "thinking", "reasoning_effort"})
    if (reads_variable(*source, name)) template_switches_.emplace_back(name);
  try {
    template_.emplace(*source);
    if (tokenizer_)
      turns_.offer = offer_form_of(
          [this](const std::vector<ChatMessage>& turns, const ToolUse& use, const OfferForm& form) {
            return render_as_given({.messages = turns, .template_options = {}, .tools = use}, {}, form)
                .text();
          },
          *source);
    const auto text_of_turns = [this](const std::vector<ChatMessage>& turns, const CallForm& form) {
      return render_as_given({.messages = turns, .template_options = {}}, form, turns_.offer).text();
    };
    if (tokenizer_) {
      const OfferForm offer = turns_.offer;
      turns_ = turn_rules_of(text_of_turns, *source);
      turns_.offer = offer;
      turns_.format = format_;
      turn_end_ = find_turn_end();
    }
  } catch (const Error& e) {
    template_error_ = e.what();
    log::warn("{}: its chat template cannot be used: {}", checkpoint.model().name, e.what());
  }
}

// Rendered with an answer at the end, and if nothing ends that one, with an answer that another turn follows.
std::optional<TokenId> PromptBuilder::find_turn_end() const {
  for (const bool is_followed : {false, true}) {
    ChatPrompt chat = {
        .messages = {{.role = "user", .content = "?"}, {.role = "assistant", .content = std::string(kProbe)}},
        .template_options = {},
        .last_message = ChatPrompt::LastMessage::kClosed};
    if (is_followed) chat.messages.push_back({.role = "user", .content = "?"});
    try {
      const std::string behind = text_behind_probe(render_as_given(chat, {}, turns_.offer));
      if (behind.empty()) continue;
      const std::vector<TokenId> ids = tokenizer_->encode({behind, true}, {.add_special = false});
      if (!ids.empty() && ends_turns(*tokenizer_, ids.front())) return ids.front();
    } catch (const Error&) {  // the template takes no such conversation
    }
  }
  return std::nullopt;
}

std::vector<TokenId> PromptBuilder::tokens(const Request& request) const {
  std::vector<TokenId> ids = tokens(request.prompt);
  if (ids.empty()) fail(ErrorCode::kBadArgument, "the prompt is empty");
  return ids;
}

std::vector<TokenId> PromptBuilder::tokens(const Prompt& prompt) const {
  return std::visit([this](const auto& p) { return encode(p); }, prompt);
}

std::string PromptBuilder::text(std::span<const TokenId> ids) const {
  encode(TokenPrompt{{ids.begin(), ids.end()}});  // in range
  return required_tokenizer().decode(ids, true);
}

RenderedPrompt PromptBuilder::render(const ChatPrompt& chat) const {
  if (!template_) fail(ErrorCode::kBadTemplate, "{}", template_error_);
  std::span<const ChatMessage> messages = chat.messages;
  const ChatMessage* beginning = nullptr;
  if (chat.last_message == ChatPrompt::LastMessage::kContinued) {
    if (messages.empty() || messages.back().role != "assistant")
      fail(ErrorCode::kBadArgument, "only an assistant's last message can be continued");
    beginning = &messages.back();
    messages = messages.first(messages.size() - 1);
  }
  ChatPrompt turns = chat;
  turns.messages.assign(messages.begin(), messages.end());
  RenderedPrompt prompt = render_turns(std::move(turns));
  // The template asks for an answer; what there is of it follows.
  if (beginning) prompt.add_untrusted(beginning->content);
  return prompt;
}

// What a template does not take is written in other ways: functions with plainer schemas, then in the
// system's message; calls and thoughts that it does not take, such as a result without a call, as text.
RenderedPrompt PromptBuilder::render_turns(ChatPrompt chat) const {
  const bool is_odd = has_calls_or_thoughts(chat.messages);
  std::optional<Error> refused;
  const auto rendered = [&](const ChatPrompt& way) -> std::optional<RenderedPrompt> {
    for (const bool as_text : {false, true}) {
      if (as_text && !is_odd) break;
      try {
        return as_text ? render_with_calls_as_text(way) : render_fitted(way);
      } catch (const Error& e) {
        if (e.code() != ErrorCode::kBadTemplate) throw;
        if (!refused) refused = e;
      }
    }
    return std::nullopt;
  };
  if (chat.tools.functions.empty() || turns_.offer.place != OfferForm::Place::kNowhere)
    if (auto prompt = rendered(chat)) return std::move(*prompt);
  if (!chat.tools.functions.empty()) {
    if (turns_.offer.place != OfferForm::Place::kNowhere) {
      ChatPrompt plainer = chat;
      plainer.tools = with_plain_schemas(chat.tools);
      if (auto prompt = rendered(plainer)) return std::move(*prompt);
    }
    const tools::ToolList functions(functions_of(chat.tools));
    chat.messages.insert(chat.messages.begin(),
                         ChatMessage{.role = "system", .content = tools::instructions(functions, format_)});
    chat.tools.functions.clear();
    if (auto prompt = rendered(chat)) return std::move(*prompt);
  }
  throw Error(*refused);
}

RenderedPrompt PromptBuilder::render_fitted(ChatPrompt chat) const {
  chat.messages = fit_turns(chat.messages, turns_);
  return render_as_given(chat, turns_.calls.value_or(CallForm{}), turns_.offer);
}

RenderedPrompt PromptBuilder::render_with_calls_as_text(ChatPrompt chat) const {
  TurnRules plain = turns_;
  plain.calls.reset();
  plain.tool = false;
  chat.messages = fit_turns(chat.messages, plain);
  for (ChatMessage& message : chat.messages) message.reasoning.clear();
  return render_as_given(chat, {}, turns_.offer);
}

std::shared_ptr<const tools::ToolList> PromptBuilder::functions(const Prompt& prompt) {
  const auto* const chat = std::get_if<ChatPrompt>(&prompt);
  if (chat == nullptr || chat->tools.functions.empty()) return std::make_shared<const tools::ToolList>();
  return std::make_shared<const tools::ToolList>(functions_of(chat->tools));
}

tools::Phase PromptBuilder::phase_of(const Prompt& prompt, std::span<const TokenId> tokens) const {
  if (!tokenizer_ || std::holds_alternative<MixedPrompt>(prompt)) return tools::Phase::kContent;
  const auto* const chat = std::get_if<ChatPrompt>(&prompt);
  const std::string_view open = format_.reasoning.open;
  if (chat != nullptr && chat->last_message == ChatPrompt::LastMessage::kContinued && !open.empty()) {
    const std::string_view content = chat->messages.back().content;
    const size_t opened = content.rfind(open);
    if (opened != std::string_view::npos)
      return content.find(format_.reasoning.close, opened) == std::string_view::npos
                 ? tools::Phase::kReasoning
                 : tools::Phase::kContent;
  }
  return tools::phase_at_end(format_, end_of(tokens));
}

std::string PromptBuilder::end_of(std::span<const TokenId> tokens) const {
  constexpr size_t kLooked = 64;
  return tokenizer_->decode(tokens.last(std::min(kLooked, tokens.size())), true);
}

bool PromptBuilder::may_think(const Prompt& prompt, std::span<const TokenId> tokens) const {
  const auto* const chat = std::get_if<ChatPrompt>(&prompt);
  if (chat == nullptr || !tokenizer_) return false;
  if (format_.syntax == tools::Syntax::kChannels) return true;
  const tools::Reasoning& marks = format_.reasoning;
  if (marks.open.empty()) return false;
  // A token of the vocabulary alone does not say that the model was taught to think in chats.
  const bool has_marks = phase_of(prompt, tokens) == tools::Phase::kReasoning ||
                         (template_source_ && (template_source_->find(marks.open) != std::string::npos ||
                                               template_source_->find(marks.close) != std::string::npos));
  return has_marks && !trimmed(end_of(tokens)).ends_with(marks.close);
}

RenderedPrompt PromptBuilder::render_as_given(const ChatPrompt& chat, const CallForm& calls,
                                              const OfferForm& functions) const {
  ChatContext context;
  context.set_special_tokens(special_tokens(required_tokenizer()));
  std::span<const ChatMessage> turns = chat.messages;
  std::vector<ChatMessage> marked;
  std::optional<TextBeforeCalls> texts;
  if (calls.text == CallForm::Text::kInFront) {
    marked = chat.messages;
    texts.emplace(marked);
    turns = marked;
  }
  std::vector<OrderedJson> messages;
  for (const ChatMessage& message : turns) messages.push_back(template_message(message, calls));
  offer(chat.tools, functions, context, messages);
  for (const OrderedJson& message : messages) context.add_message(message);
  context.add_generation_prompt(chat.last_message != ChatPrompt::LastMessage::kClosed);
  const OrderedJson options = parse_options(chat.template_options);
  for (const auto& [name, value] : options.items()) context.set_option(name, value);
  RenderedPrompt prompt = template_->render(context.json());
  if (texts) texts->put_into(prompt, marks_before_calls(format_));
  return prompt;
}

// The template itself writes BOS and the like, so none are added.
std::vector<TokenId> PromptBuilder::encode(const ChatPrompt& chat) const {
  const RenderedPrompt prompt = render(chat);
  return tokenizer_->encode(prompt.spans(), {.add_special = false});
}

std::vector<TokenId> PromptBuilder::encode(const TextPrompt& prompt) const {
  const Tokenizer& tokenizer = required_tokenizer();
  const bool recognised = prompt.control_tokens == TextPrompt::ControlTokens::kRecognised;
  const bool added = prompt.bos == TextPrompt::Bos::kAdded;
  std::vector<TokenId> ids = tokenizer.encode({prompt.text, recognised}, {.add_special = added});
  // A template that the caller rendered wrote BOS itself. A model that reads it twice answers worse.
  const Tokenizer::Special& special = tokenizer.special();
  if (recognised && added && special.add_bos && ids.size() > 1 && ids[0] == special.bos &&
      ids[1] == special.bos)
    ids.erase(ids.begin());
  return ids;
}

std::vector<TokenId> PromptBuilder::tokens(const InfillPrompt& prompt) const {
  const Tokenizer& tokenizer = required_tokenizer();
  if (!infill_)
    fail(ErrorCode::kBadArgument, "the model's vocabulary has no tokens for filling in the middle");
  return encode_infill(tokenizer, *infill_, prompt);
}

TokenText PromptBuilder::token(TokenId id) const {
  encode(TokenPrompt{{id}});  // in range
  const Tokenizer& tokenizer = required_tokenizer();
  return {std::string(tokenizer.spelling(id)), tokenizer.bytes(id)};
}

TokenizerInfo PromptBuilder::tokenizer_info() const {
  const Tokenizer& tokenizer = required_tokenizer();
  const Tokenizer::Special& special = tokenizer.special();
  const auto spelling = [&](std::optional<TokenId> id) {
    return id ? std::optional(std::string(tokenizer.spelling(*id))) : std::nullopt;
  };
  return {.size = tokenizer.size(),
          .bos = spelling(special.bos),
          .eos = spelling(special.eos),
          .unk = spelling(special.unk),
          .pad = spelling(special.pad),
          .adds_bos = special.add_bos,
          .chat_template = template_source_};
}

size_t PromptBuilder::positions_of(const MixedPrompt::Part& part) const {
  if (!part.ids.empty() && !part.vectors.empty())
    fail(ErrorCode::kBadArgument, "a part of a prompt has token ids or vectors, not both");
  const auto width = static_cast<size_t>(hidden_);
  if (part.vectors.size() % width != 0)
    fail(ErrorCode::kBadArgument, "{} values are no vectors of {}, as wide as the model's",
         part.vectors.size(), width);
  return part.vectors.size() / width;
}

std::vector<TokenId> PromptBuilder::encode(const MixedPrompt& prompt) const {
  std::vector<TokenId> tokens;
  for (const MixedPrompt::Part& part : prompt.parts) {
    const std::vector<TokenId> ids = encode(TokenPrompt{part.ids});
    tokens.insert(tokens.end(), ids.begin(), ids.end());
    tokens.insert(tokens.end(), positions_of(part), kVectorRow);
  }
  return tokens;
}

std::shared_ptr<const VectorRows> PromptBuilder::vectors(const Prompt& prompt) const {
  const auto* const mixed = std::get_if<MixedPrompt>(&prompt);
  if (mixed == nullptr) return nullptr;
  auto rows = std::make_shared<VectorRows>();
  int position = 0;
  for (const MixedPrompt::Part& part : mixed->parts) {
    position += static_cast<int>(part.ids.size());
    for (size_t i = positions_of(part); i > 0; --i) rows->positions.push_back(position++);
    rows->values.insert(rows->values.end(), part.vectors.begin(), part.vectors.end());
  }
  return rows->positions.empty() ? nullptr : rows;
}

std::vector<TokenId> PromptBuilder::encode(const TokenPrompt& prompt) const {
  for (const int32_t id : prompt.ids)
    if (id < 0 || id >= vocab_)
      fail(ErrorCode::kBadArgument, "token id {}: the vocabulary has 0 to {}", id, vocab_ - 1);
  return prompt.ids;
}

const Tokenizer& PromptBuilder::required_tokenizer() const {
  if (!tokenizer_)
    fail(ErrorCode::kBadArgument, "the model has no tokenizer: only token ids can be its prompt");
  return *tokenizer_;
}

}  // namespace ferrum
