// A conversation in the terminal: what was said, the settings, and the commands that begin with a slash.
#pragma once
#include <string>
#include <vector>

#include "cli/interrupts.h"
#include "ferrum/engine.h"

namespace ferrum::cli {

enum class PromptStyle { kChat, kRaw };  // through the chat template, or continued as it stands

struct ChatSettings {
  PromptStyle style = PromptStyle::kChat;
  std::string system;
  SamplingOptions sampling;
  int max_tokens = -1;
  int min_tokens = 0;
  Request::EndOfText end_of_text = Request::EndOfText::kStops;
  Request::ContextEnd context_end = Request::ContextEnd::kFinishes;
  int keep_tokens = Request().keep_tokens;
  std::vector<std::string> stop;
  std::string template_options;
};

class Chat {
 public:
  Chat(Engine& engine, Interrupts& interrupts, ChatSettings settings);

  enum class Outcome { kAnswered, kInterrupted, kFailed, kOutputClosed };
  // Answers `text` on standard output, as it is generated.
  Outcome say(const std::string& text);

  enum class Next { kGoOn, kLeave };
  // A line that begins with '/'. Says what it does on standard error.
  Next command(const std::string& line);

  // Keeps the conversation, and what the engine computed of it, in a file; goes on with one that was kept.
  // Both tell in words what there is. Errors: those of Engine::save_session and load_session, and
  // kBadArgument where there is no conversation.
  std::string save(const std::string& file) const;
  std::string load(const std::string& file);
  bool has_begun() const { return !messages_.empty(); }  // something was said

  void print_speed() const;  // of the last answer, on standard error

 private:
  void set(const std::string& name, const std::string& value);
  void show_settings() const;
  void require_conversations() const;
  Request request(const std::string& text) const;
  // Makes room for the next question, where the error says that there is too little and the settings allow
  // it.
  bool forget_oldest(const ErrorEvent& error);

  Engine& engine_;
  Interrupts& interrupts_;
  ChatSettings settings_;
  std::vector<ChatMessage> messages_;  // without the system prompt
  Usage last_;
  Usage total_;
  int answers_ = 0;
};

}  // namespace ferrum::cli
