#include "cli/chat.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/error.h"
#include "base/human_bytes.h"
#include "base/printable.h"
#include "cli/conversation.h"
#include "cli/message.h"
#include "cli/notes.h"
#include "engine/memory_plan.h"

namespace ferrum::cli {
namespace {

constexpr size_t kExchange = 2;        // a question and its answer
constexpr size_t kShownSystem = 2000;  // bytes of a system prompt

double rate(int tokens, double seconds) { return seconds > 0 ? tokens / seconds : 0; }

// `text` between fences that it does not contain.
std::string fenced(const std::string& name, const std::string& text) {
  std::string fence = "```";
  while (text.find(fence) != std::string::npos) fence += '`';
  return fmt::format("{}:\n{}\n{}{}{}\n\n", name, fence, text, text.ends_with('\n') ? "" : "\n", fence);
}

}  // namespace

Chat::Chat(Engine& engine, Interrupts& interrupts, ChatSettings settings)
    : engine_(engine), interrupts_(interrupts), settings_(std::move(settings)) {}

Prompt Chat::prompt(const std::string& text) const {
  if (settings_.style == PromptStyle::kRaw)
    return TextPrompt{.text = text, .control_tokens = settings_.control_tokens};
  ChatPrompt chat = {.messages = {}, .template_options = settings_.template_options};
  if (!settings_.system.empty()) chat.messages.push_back({"system", settings_.system});
  chat.messages.insert(chat.messages.end(), messages_.begin(), messages_.end());
  chat.messages.push_back({"user", text});
  return chat;
}

Request Chat::request(const std::string& text) const {
  Request r;
  r.prompt = prompt(text);
  r.sampling = settings_.sampling;
  r.rule = settings_.rule;
  if (r.rule) r.answer_as = Request::AnswerAs::kParts;
  r.adapter = settings_.adapter;
  r.adapter_scale = settings_.adapter_scale;
  r.max_tokens = settings_.max_tokens;
  r.min_tokens = settings_.min_tokens;
  r.end_of_text = settings_.end_of_text;
  r.stop = settings_.stop;
  r.context_end = settings_.context_end;
  r.keep_tokens = settings_.keep_tokens;
  return r;
}

Chat::Outcome Chat::generate(const std::string& text, std::string& answer) {
  std::optional<ErrorEvent> error;
  bool output_closed = false;
  std::stop_source stop;
  const std::stop_token interrupt = interrupts_.begin_answer();
  const std::stop_callback on_interrupt(interrupt, [&] { stop.request_stop(); });
  do {
    error.reset();
    try {
      Request r = request(text);
      AnswerPrinter printer(settings_.format,
                            r.rule ? Thoughts::Start::kNone : start_of_thoughts(engine_, r.prompt));
      const auto print = [&](const std::string& part) {
        // A closed pipe (`ferrum run … | head`) also stops the answer.
        if (printer.add(part)) return;
        output_closed = true;
        stop.request_stop();
      };
      const auto on_event = [&](const Event& event) {
        if (const auto* t = std::get_if<TextEvent>(&event)) {
          print(t->text);
        } else if (const auto* part = std::get_if<PartEvent>(&event)) {
          if (part->kind == PartEvent::Kind::kContent) print(part->text);
        } else if (const auto* e = std::get_if<ErrorEvent>(&event)) {
          error = *e;
        } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
          last_ = finish->usage;
          was_cut_ = finish->reason == FinishReason::kMaxTokens || finish->reason == FinishReason::kContext;
        }
      };
      engine_.generate(std::move(r), on_event, stop.get_token());
      if (!output_closed && (!error || !printer.answer().empty())) output_closed = !printer.finish();
      answer = printer.answer();
    } catch (const Error& e) {  // from the chat template
      error = ErrorEvent{std::string(name_of(e.code())), e.what()};
    }
  } while (error && forget_oldest(*error));

  const bool interrupted = interrupts_.end_answer();
  if (error) {
    note("ferrum: error: {} [{}]\n", error->message, error->code);
    return Outcome::kFailed;
  }
  count(last_);
  if (output_closed) return Outcome::kOutputClosed;
  return interrupted ? Outcome::kInterrupted : Outcome::kAnswered;
}

Chat::Outcome Chat::answer(const std::string& text) {
  const std::string question = attached_ + text;
  std::string answer;
  const Outcome outcome = generate(question, answer);
  if (outcome == Outcome::kFailed) return outcome;
  attached_.clear();
  if (settings_.style == PromptStyle::kChat) {
    messages_.push_back({"user", question});
    messages_.push_back({"assistant", std::move(answer)});
  }
  return outcome;
}

Chat::Outcome Chat::regenerate() {
  require_exchange();
  const std::vector<ChatMessage> before = messages_;
  const std::string question = undo();
  std::string answer;
  const Outcome outcome = generate(question, answer);
  if (outcome == Outcome::kFailed) {
    messages_ = before;
    return outcome;
  }
  messages_.push_back({"user", question});
  messages_.push_back({"assistant", std::move(answer)});
  return outcome;
}

std::string Chat::undo() {
  require_exchange();
  std::string question = std::move(messages_[messages_.size() - kExchange].content);
  messages_.resize(messages_.size() - kExchange);
  return question;
}

void Chat::clear() {
  messages_.clear();
  attached_.clear();
}

void Chat::attach(const std::string& name, const std::string& text) { attached_ += fenced(name, text); }

void Chat::set_system(const std::string& text) {
  settings_.system = text;
  messages_.clear();
}

std::string Chat::set(const std::string& name, const std::string& value) {
  const bool has_template = name == "think" && settings_.style == PromptStyle::kChat;
  const std::string with_think = "on", without_think = "off";
  ChatSettings changed = settings_;
  set_chat_setting(changed, name, value);
  std::swap(settings_, changed);
  std::string report = fmt::format("{} is now {}", name, value.empty() ? "off" : value);
  if (has_template) {
    ChatSettings kept = settings_;
    const auto rendered = [&](const std::string& think) {
      settings_ = kept;
      set_chat_setting(settings_, name, think);
      return engine_.render(std::get<ChatPrompt>(prompt("")));
    };
    const bool no_difference = rendered(with_think) == rendered(without_think);
    settings_ = std::move(kept);
    if (no_difference) report += "; this model's chat template does not use it";
  }
  return report;
}

void Chat::count(const Usage& usage) {
  ++answers_;
  total_.prompt_tokens += usage.prompt_tokens;
  total_.cached_tokens += usage.cached_tokens;
  total_.generated_tokens += usage.generated_tokens;
  total_.prompt_seconds += usage.prompt_seconds;
  total_.decode_seconds += usage.decode_seconds;
}

bool Chat::forget_oldest(const ErrorEvent& error) {
  if (settings_.context_end != Request::ContextEnd::kShifts || error.code != "context_full" ||
      messages_.size() < kExchange)
    return false;
  messages_.erase(messages_.begin(), messages_.begin() + kExchange);
  print_message("[the context is full: the oldest question and answer were dropped]");
  return true;
}

void Chat::print_speed() const {
  const int computed = last_.prompt_tokens - last_.cached_tokens;
  // The first token comes with the prompt, so the decoding time is that of the other tokens.
  std::string text = fmt::format("[{} tokens, {:.1f} tokens/s; prompt {} tokens", last_.generated_tokens,
                                 rate(last_.generated_tokens - 1, last_.decode_seconds), last_.prompt_tokens);
  if (last_.cached_tokens > 0) text += fmt::format(" ({} cached)", last_.cached_tokens);
  if (last_.drafted_tokens > 0)
    text += fmt::format("; {} of {} drafted tokens accepted", last_.accepted_tokens, last_.drafted_tokens);
  if (last_.shifted_tokens > 0) text += fmt::format("; {} left the context", last_.shifted_tokens);
  text += fmt::format(", {:.1f} tokens/s; first token after {:.2f} s]",
                      rate(computed, last_.prompt_seconds - last_.queue_seconds), last_.prompt_seconds);
  print_message(text);
}

std::string Chat::statistics() const {
  return fmt::format(
      "{} answer{}: {} prompt tokens ({} cached) in {:.2f} s, {} generated in {:.2f} s ({:.1f} tokens/s)\n"
      "memory: {}",
      answers_, answers_ == 1 ? "" : "s", total_.prompt_tokens, total_.cached_tokens, total_.prompt_seconds,
      total_.generated_tokens, total_.decode_seconds,
      rate(total_.generated_tokens - answers_, total_.decode_seconds), parts_text(engine_.memory()));
}

std::string Chat::description() const {
  const ModelInfo& model = engine_.info();
  std::string text = fmt::format("model: {} ({}, {}, {:.1f} M parameters), context {} tokens\n", model.name,
                                 model.architecture, model.format,
                                 static_cast<double>(model.parameters) * 1e-6, model.context);
  text += fmt::format("settings: {}\n", all_settings_text(settings_));
  if (settings_.style == PromptStyle::kRaw) return text + "raw text, continued without a conversation";
  const std::string system = settings_.system.empty() ? "none" : printable(settings_.system, kShownSystem);
  text += fmt::format("system prompt: {}\n", system);
  if (!attached_.empty()) text += fmt::format("attached: {}\n", human_bytes(attached_.size()));
  // The template adds tokens around a question, so an empty question is counted too.
  text += fmt::format("conversation: {} messages, {} of {} tokens with the next question's beginning",
                      messages_.size(), engine_.tokens_of(prompt("")).size(), model.context);
  return text;
}

std::string Chat::save(const std::string& file) const {
  require_conversation();
  if (messages_.empty()) fail(ErrorCode::kBadArgument, "the conversation is empty");
  const SavedSession saved =
      engine_.save_session({.prompt = prompt(""),
                            .cache_salt = {},
                            .adapter = settings_.adapter,
                            .adapter_scale = settings_.adapter_scale,
                            .application_data = to_json({settings_.system, messages_})},
                           file);
  return fmt::format("{}: {} messages, {} tokens of them computed; {}", in_quotes(file), messages_.size(),
                     saved.saved_tokens, human_bytes(saved.bytes));
}

std::string Chat::load(const std::string& file) {
  require_conversation();
  const LoadedSession loaded = engine_.load_session(file);
  Conversation conversation = conversation_from(loaded.application_data, in_quotes(file));
  settings_.system = std::move(conversation.system);
  messages_ = std::move(conversation.messages);
  return fmt::format("{}: {} messages, {} tokens of them already computed", in_quotes(file), messages_.size(),
                     loaded.cached_tokens);
}

void Chat::require_conversation() const {
  if (settings_.style == PromptStyle::kRaw) fail(ErrorCode::kBadArgument, "raw text is not a conversation");
}

void Chat::require_exchange() const {
  require_conversation();
  if (messages_.size() < kExchange || messages_.back().role != "assistant" ||
      messages_[messages_.size() - kExchange].role != "user")
    fail(ErrorCode::kBadArgument, "there is no answer yet");
}

}  // namespace ferrum::cli
