#include "cli/chat.h"

#include <fmt/core.h>

#include <charconv>
#include <cstdio>
#include <functional>
#include <map>
#include <sstream>

#include "base/error.h"
#include "engine/memory_plan.h"
#include "engine/sampler.h"

namespace ferrum::cli {
namespace {

constexpr const char* kHelp =
    "  /clear             forget the conversation\n"
    "  /system [TEXT]     set the system prompt and start over; without TEXT: none\n"
    "  /set [NAME VALUE]  change a setting; without NAME: show them all\n"
    "  /stats             tokens and times so far, and memory\n"
    "  /help              this list\n"
    "  /bye               leave (also Ctrl-D)\n"
    "  \"\"\"                begins and ends a text of several lines; Ctrl-C stops an answer\n";

template <class T>
T parse(const std::string& name, const std::string& value) {
  T result{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
  if (error != std::errc() || end != value.data() + value.size())
    fail(ErrorCode::kBadArgument, "/set {}: {} is no number", name, in_quotes(value));
  return result;
}

using Setter = std::function<void(ChatSettings&, const std::string&)>;

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> kSetters = {
      {"temperature", [](ChatSettings& s,
                         const std::string& v) { s.sampling.temperature = parse<float>("temperature", v); }},
      {"top_k", [](ChatSettings& s, const std::string& v) { s.sampling.top_k = parse<int>("top_k", v); }},
      {"top_p", [](ChatSettings& s, const std::string& v) { s.sampling.top_p = parse<float>("top_p", v); }},
      {"min_p", [](ChatSettings& s, const std::string& v) { s.sampling.min_p = parse<float>("min_p", v); }},
      {"repetition_penalty",
       [](ChatSettings& s, const std::string& v) {
         s.sampling.repetition_penalty = parse<float>("repetition_penalty", v);
       }},
      {"repetition_window",
       [](ChatSettings& s, const std::string& v) {
         s.sampling.repetition_window = parse<int>("repetition_window", v);
       }},
      {"seed", [](ChatSettings& s, const std::string& v) { s.sampling.seed = parse<uint64_t>("seed", v); }},
      {"max_tokens",
       [](ChatSettings& s, const std::string& v) { s.max_tokens = parse<int>("max_tokens", v); }},
      {"stop",
       [](ChatSettings& s, const std::string& v) {
         s.stop = v.empty() ? std::vector<std::string>() : std::vector{v};
       }},
  };
  return kSetters;
}

double rate(int tokens, double seconds) { return seconds > 0 ? tokens / seconds : 0; }

}  // namespace

Chat::Chat(Engine& engine, Interrupts& interrupts, ChatSettings settings)
    : engine_(engine), interrupts_(interrupts), settings_(std::move(settings)) {}

Request Chat::request(const std::string& text) const {
  Request r;
  r.sampling = settings_.sampling;
  r.max_tokens = settings_.max_tokens;
  r.stop = settings_.stop;
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
  std::string error;
  bool output_closed = false;
  // A reader that went away (`ferrum run … | head`) stops the answer as well.
  std::stop_source stop;
  const std::stop_token interrupt = interrupts_.begin_answer();
  const std::stop_callback on_interrupt(interrupt, [&] { stop.request_stop(); });

  engine_.generate(
      request(text),
      [&](const Event& event) {
        if (const auto* t = std::get_if<TextEvent>(&event)) {
          answer += t->text;
          if (std::fwrite(t->text.data(), 1, t->text.size(), stdout) != t->text.size() ||
              std::fflush(stdout) != 0) {
            output_closed = true;
            stop.request_stop();
          }
        } else if (const auto* e = std::get_if<ErrorEvent>(&event)) {
          error = fmt::format("{} [{}]", e->message, e->code);
        } else {
          last_ = std::get<FinishEvent>(event).usage;
        }
      },
      stop.get_token());

  const bool interrupted = interrupts_.end_answer();
  if (!error.empty()) {
    fmt::print(stderr, "ferrum: error: {}\n", error);
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

void Chat::print_speed() const {
  const int computed = last_.prompt_tokens - last_.cached_tokens;
  // The first token comes with the prompt, so the decoding time is that of the others.
  fmt::print(stderr, "[{} tokens, {:.1f} tokens/s; prompt {} tokens", last_.generated_tokens,
             rate(last_.generated_tokens - 1, last_.decode_seconds), last_.prompt_tokens);
  if (last_.cached_tokens > 0) fmt::print(stderr, " ({} cached)", last_.cached_tokens);
  fmt::print(stderr, ", {:.1f} tokens/s; first token after {:.2f} s]\n", rate(computed, last_.prompt_seconds),
             last_.prompt_seconds);
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

void Chat::set(const std::string& name, const std::string& value) {
  const auto it = setters().find(name);
  if (it == setters().end()) {
    std::string names;
    for (const auto& [known, setter] : setters()) names += (names.empty() ? "" : ", ") + known;
    fmt::print(stderr, "There is no setting {}; there are: {}\n", in_quotes(name), names);
    return;
  }
  try {
    if (value.empty() && name != "stop") fail(ErrorCode::kBadArgument, "/set {}: to which value?", name);
    ChatSettings changed = settings_;
    it->second(changed, value);
    validate(changed.sampling);
    settings_ = std::move(changed);
    fmt::print(stderr, "{} is now {}\n", name, value.empty() ? "off" : value);
  } catch (const Error& e) {
    fmt::print(stderr, "{}\n", e.what());
  }
}

void Chat::show_settings() const {
  const SamplingOptions& s = settings_.sampling;
  fmt::print(
      stderr,
      "temperature {}, top_k {}, top_p {}, min_p {}, repetition_penalty {}, repetition_window {}, seed {}, "
      "max_tokens {}, stop {}\n",
      s.temperature, s.top_k, s.top_p, s.min_p, s.repetition_penalty, s.repetition_window,
      s.seed ? std::to_string(*s.seed) : "random", settings_.max_tokens,
      settings_.stop.empty() ? "none" : in_quotes(settings_.stop.front()));
}

}  // namespace ferrum::cli
