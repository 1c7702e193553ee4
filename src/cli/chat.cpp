#include "cli/chat.h"

#include <fmt/core.h>

#include <cstdio>
#include <functional>
#include <map>
#include <sstream>

#include "base/error.h"
#include "base/human_bytes.h"
#include "cli/conversation.h"
#include "cli/options.h"
#include "cli/sampling_settings.h"
#include "engine/memory_plan.h"
#include "engine/sampling/sampling_options.h"

namespace ferrum::cli {
namespace {

constexpr const char* kHelp =
    "  /clear             forget the conversation\n"
    "  /system [TEXT]     set the system prompt and start over; without TEXT: none\n"
    "  /set [NAME VALUE]  change a setting; without NAME: show them all\n"
    "  /save FILE         keep the conversation, and what was computed of it, in a file\n"
    "  /load FILE         go on with a conversation that was saved\n"
    "  /stats             tokens and times so far, and memory\n"
    "  /help              this list\n"
    "  /bye               leave (also Ctrl-D)\n"
    "  \"\"\"                begins and ends a text of several lines; Ctrl-C stops an answer\n";

// Settings beside those of sampling.
using Setter = std::function<void(ChatSettings&, const std::string&)>;

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> kSetters = {
      {"max_tokens", [](ChatSettings& s, const std::string& v) { set_number(s.max_tokens, v); }},
      {"min_tokens", [](ChatSettings& s, const std::string& v) { set_number(s.min_tokens, v); }},
      {"stop",
       [](ChatSettings& s, const std::string& v) {
         s.stop = v.empty() ? std::vector<std::string>() : std::vector{v};
       }},
  };
  return kSetters;
}

const SamplingSetting* sampling_setting(const std::string& name) {
  for (const SamplingSetting& setting : sampling_settings())
    if (setting.name == name) return &setting;
  return nullptr;
}

double rate(int tokens, double seconds) { return seconds > 0 ? tokens / seconds : 0; }

}  // namespace

Chat::Chat(Engine& engine, Interrupts& interrupts, ChatSettings settings)
    : engine_(engine), interrupts_(interrupts), settings_(std::move(settings)) {}

Request Chat::request(const std::string& text) const {
  Request r;
  r.sampling = settings_.sampling;
  r.max_tokens = settings_.max_tokens;
  r.min_tokens = settings_.min_tokens;
  r.end_of_text = settings_.end_of_text;
  r.stop = settings_.stop;
  r.context_end = settings_.context_end;
  r.keep_tokens = settings_.keep_tokens;
  if (settings_.style == PromptStyle::kRaw) {
    r.prompt = TextPrompt{text};
    return r;
  }
  ChatPrompt chat = {.messages = {}, .template_options = settings_.template_options};
  if (!settings_.system.empty()) chat.messages.push_back({"system", settings_.system});
  chat.messages.insert(chat.messages.end(), messages_.begin(), messages_.end());
  chat.messages.push_back({"user", text});
  r.prompt = std::move(chat);
  return r;
}

Chat::Outcome Chat::say(const std::string& text) {
  std::string answer;
  std::optional<ErrorEvent> error;
  bool output_closed = false;
  // A reader that went away (`ferrum run … | head`) stops the answer as well.
  std::stop_source stop;
  const std::stop_token interrupt = interrupts_.begin_answer();
  const std::stop_callback on_interrupt(interrupt, [&] { stop.request_stop(); });

  const auto on_event = [&](const Event& event) {
    if (const auto* t = std::get_if<TextEvent>(&event)) {
      answer += t->text;
      if (std::fwrite(t->text.data(), 1, t->text.size(), stdout) != t->text.size() ||
          std::fflush(stdout) != 0) {
        output_closed = true;
        stop.request_stop();
      }
    } else if (const auto* e = std::get_if<ErrorEvent>(&event)) {
      error = *e;
    } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
      last_ = finish->usage;
    }
  };
  do {
    error.reset();
    engine_.generate(request(text), on_event, stop.get_token());
  } while (error && forget_oldest(*error));

  const bool interrupted = interrupts_.end_answer();
  if (error) {
    fmt::print(stderr, "ferrum: error: {} [{}]\n", error->message, error->code);
    return Outcome::kFailed;
  }
  if (settings_.style == PromptStyle::kChat) {
    messages_.push_back({"user", text});
    messages_.push_back({"assistant", answer});
  }
  ++answers_;
  total_.prompt_tokens += last_.prompt_tokens;
  total_.cached_tokens += last_.cached_tokens;
  total_.generated_tokens += last_.generated_tokens;
  total_.prompt_seconds += last_.prompt_seconds;
  total_.decode_seconds += last_.decode_seconds;
  if (output_closed) return Outcome::kOutputClosed;
  std::fputc('\n', stdout);
  std::fflush(stdout);
  return interrupted ? Outcome::kInterrupted : Outcome::kAnswered;
}

bool Chat::forget_oldest(const ErrorEvent& error) {
  constexpr size_t kExchange = 2;  // a question and its answer
  if (settings_.context_end != Request::ContextEnd::kShifts || error.code != "context_full" ||
      messages_.size() < kExchange)
    return false;
  messages_.erase(messages_.begin(), messages_.begin() + kExchange);
  fmt::print(stderr, "[the context is full: the oldest question and answer are forgotten]\n");
  return true;
}

void Chat::print_speed() const {
  const int computed = last_.prompt_tokens - last_.cached_tokens;
  // The first token comes with the prompt, so the decoding time is that of the others.
  fmt::print(stderr, "[{} tokens, {:.1f} tokens/s; prompt {} tokens", last_.generated_tokens,
             rate(last_.generated_tokens - 1, last_.decode_seconds), last_.prompt_tokens);
  if (last_.cached_tokens > 0) fmt::print(stderr, " ({} cached)", last_.cached_tokens);
  if (last_.drafted_tokens > 0)
    fmt::print(stderr, "; {} of {} guessed tokens were right", last_.accepted_tokens, last_.drafted_tokens);
  if (last_.shifted_tokens > 0) fmt::print(stderr, "; {} left the context", last_.shifted_tokens);
  fmt::print(stderr, ", {:.1f} tokens/s; first token after {:.2f} s]\n",
             rate(computed, last_.prompt_seconds - last_.queue_seconds), last_.prompt_seconds);
}

Chat::Next Chat::command(const std::string& line) {
  std::istringstream in(line);
  std::string name, rest;
  in >> name >> std::ws;
  std::getline(in, rest);
  if (name == "/bye" || name == "/exit" || name == "/quit") return Next::kLeave;
  if (name == "/clear") {
    messages_.clear();
    fmt::print(stderr, "The conversation starts over.\n");
  } else if (name == "/system") {
    settings_.system = rest;
    messages_.clear();
    fmt::print(stderr, "{}; the conversation starts over.\n",
               rest.empty() ? "No system prompt" : "System prompt set");
  } else if (name == "/set") {
    std::istringstream words(rest);
    std::string setting, value;
    words >> setting >> std::ws;
    std::getline(words, value);
    setting.empty() ? show_settings() : set(setting, value);
  } else if (name == "/save" || name == "/load") {
    try {
      if (rest.empty()) fail(ErrorCode::kBadArgument, "which file?");
      fmt::print(stderr, "{}\n", name == "/save" ? save(rest) : load(rest));
    } catch (const Error& e) {
      fmt::print(stderr, "{}: {}\n", name, e.what());
    }
  } else if (name == "/stats") {
    fmt::print(
        stderr,
        "{} answer{}: {} prompt tokens ({} cached) in {:.2f} s, {} generated in {:.2f} s ({:.1f} tokens/s)\n"
        "memory: {}\n",
        answers_, answers_ == 1 ? "" : "s", total_.prompt_tokens, total_.cached_tokens, total_.prompt_seconds,
        total_.generated_tokens, total_.decode_seconds,
        rate(total_.generated_tokens - answers_, total_.decode_seconds), parts_text(engine_.memory()));
  } else if (name == "/help" || name == "/?") {
    fmt::print(stderr, "{}", kHelp);
  } else {
    fmt::print(stderr, "There is no {}; /help lists what there is.\n", in_quotes(name));
  }
  return Next::kGoOn;
}

std::string Chat::save(const std::string& file) const {
  require_conversations();
  if (messages_.empty()) fail(ErrorCode::kBadArgument, "nothing was said yet");
  // What the next turn will begin with, whatever is said.
  const SavedSession saved =
      engine_.save_session({.prompt = request("").prompt,
                            .cache_salt = {},
                            .application_data = to_json({settings_.system, messages_})},
                           file);
  return fmt::format("{}: {} messages, of which {} tokens are computed; {}", in_quotes(file),
                     messages_.size(), saved.saved_tokens, human_bytes(saved.bytes));
}

std::string Chat::load(const std::string& file) {
  require_conversations();
  const LoadedSession loaded = engine_.load_session(file);
  Conversation conversation = conversation_from(loaded.application_data, in_quotes(file));
  settings_.system = std::move(conversation.system);
  messages_ = std::move(conversation.messages);
  return fmt::format("{}: {} messages, of which {} tokens need not be computed again", in_quotes(file),
                     messages_.size(), loaded.cached_tokens);
}

void Chat::require_conversations() const {
  if (settings_.style == PromptStyle::kRaw)
    fail(ErrorCode::kBadArgument, "text that is continued as it stands is no conversation");
}

void Chat::set(const std::string& name, const std::string& value) {
  const SamplingSetting* const sampling = sampling_setting(name);
  const auto own = setters().find(name);
  if (!sampling && own == setters().end()) {
    std::string names;
    for (const SamplingSetting& setting : sampling_settings()) names += setting.name + std::string(", ");
    for (const auto& [known, setter] : setters()) names += known + ", ";
    fmt::print(stderr, "There is no setting {}; there are: {}\n", in_quotes(name),
               names.substr(0, names.size() - 2));
    return;
  }
  const bool may_be_empty = sampling ? sampling->values == SamplingSetting::Values::kMany : name == "stop";
  try {
    if (value.empty() && !may_be_empty) fail(ErrorCode::kBadArgument, "to which value?");
    ChatSettings changed = settings_;
    if (sampling)
      sampling->set(changed.sampling, std::span(&value, value.empty() ? 0 : 1));
    else
      own->second(changed, value);
    validate(changed.sampling);
    settings_ = std::move(changed);
    fmt::print(stderr, "{} is now {}\n", name, value.empty() ? "off" : value);
  } catch (const Error& e) {
    fmt::print(stderr, "/set {}: {}\n", name, e.what());
  }
}

void Chat::show_settings() const {
  std::string all;
  for (const SamplingSetting& setting : sampling_settings())
    all += fmt::format("{} {}, ", setting.name, setting.show(settings_.sampling));
  fmt::print(stderr, "{}max_tokens {}, min_tokens {}, stop {}\n", all, settings_.max_tokens,
             settings_.min_tokens, settings_.stop.empty() ? "none" : in_quotes(settings_.stop.front()));
}

}  // namespace ferrum::cli
