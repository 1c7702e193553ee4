// A conversation in the terminal: its messages, its settings, and the answers of the engine.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/chat_settings.h"
#include "cli/interrupts.h"
#include "ferrum/engine.h"

namespace ferrum::cli {

class Chat {
 public:
  Chat(Engine& engine, Interrupts& interrupts, ChatSettings settings);

  enum class Outcome { kAnswered, kInterrupted, kFailed, kOutputClosed };
  // Answers `text` on standard output while the answer is generated. An attached file comes before the text.
  Outcome say(const std::string& text);
  // Answers the last question again, instead of the last answer, which stays if the engine fails. Error
  // kBadArgument where there is none.
  Outcome regenerate();
  // Removes the last question and its answer, and returns the question. Error kBadArgument where there is
  // none.
  std::string undo();
  void clear();  // removes all messages

  // The next message will begin with this text of a file.
  void attach(const std::string& name, const std::string& text);

  const ChatSettings& settings() const { return settings_; }
  void set_system(const std::string& text);  // removes all messages
  // Returns what to tell the user. Errors: set_chat_setting's.
  std::string set(const std::string& name, const std::string& value);

  // Writes the conversation, and what the engine computed of it, to a file; continues one from a file. Both
  // return a description. Errors: those of Engine::save_session and load_session, and kBadArgument where
  // there is no conversation.
  std::string save(const std::string& file) const;
  std::string load(const std::string& file);
  bool has_begun() const { return !messages_.empty(); }

  std::string description() const;  // of model, settings and conversation, several lines
  std::string statistics() const;   // of all answers
  void print_speed() const;         // of the last answer, on standard error

 private:
  Outcome generate(const std::string& text, std::string& answer);
  void count(const Usage& usage);
  void require_conversation() const;
  void require_exchange() const;
  Prompt prompt(const std::string& text) const;
  Request request(const std::string& text) const;
  // Makes room for the next question, where the error says that there is too little and the settings allow
  // it.
  bool forget_oldest(const ErrorEvent& error);

  Engine& engine_;
  Interrupts& interrupts_;
  ChatSettings settings_;
  std::vector<ChatMessage> messages_;  // without the system prompt: questions and answers in turn
  std::string attached_;               // to the next message
  Usage last_;
  Usage total_;
  int answers_ = 0;
};

}  // namespace ferrum::cli
