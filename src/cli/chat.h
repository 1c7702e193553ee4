// A conversation in the terminal: its messages, settings, and the engine's answers.
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
  // Answers `text`, streaming to standard output. An attached file precedes the text.
  Outcome answer(const std::string& text);
  // Generates another answer to the last question. The old answer is kept if the engine fails. Throws
  // kBadArgument if there is no answer.
  Outcome regenerate();
  // Removes the last question and its answer, and returns the question. Throws kBadArgument if there is none.
  std::string undo();
  void clear();  // removes all messages

  // Puts the text of a file before the next message.
  void attach(const std::string& name, const std::string& text);

  const ChatSettings& settings() const { return settings_; }
  void set_system(const std::string& text);  // removes all messages
  // Returns a message for the user. Throws as set_chat_setting does.
  std::string set(const std::string& name, const std::string& value);

  // Saves the conversation and its computed keys and values to a file, or continues a saved one. Both return
  // a description. Throw as Engine::save_session and load_session do, and kBadArgument if there is no
  // conversation.
  std::string save(const std::string& file) const;
  std::string load(const std::string& file);
  bool has_begun() const { return !messages_.empty(); }

  std::string description() const;  // of model, settings and conversation, in several lines
  std::string statistics() const;   // of all answers
  void print_speed() const;         // of the last answer, on standard error
  // The last answer had to end before the model, or the rule that it keeps, ended it.
  bool was_cut() const { return was_cut_; }

 private:
  Outcome generate(const std::string& text, std::string& answer);
  void count(const Usage& usage);
  void require_conversation() const;
  void require_exchange() const;
  Prompt prompt(const std::string& text) const;
  Request request(const std::string& text) const;
  // Makes room for the next question, if the context is full and the settings allow dropping old messages.
  bool forget_oldest(const ErrorEvent& error);

  Engine& engine_;
  Interrupts& interrupts_;
  ChatSettings settings_;
  std::vector<ChatMessage> messages_;  // without the system prompt: alternating questions and answers
  std::string attached_;               // precedes the next message
  Usage last_;
  bool was_cut_ = false;
  Usage total_;
  int answers_ = 0;
};

}  // namespace ferrum::cli
