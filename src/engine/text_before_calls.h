// Text that an assistant writes before its calls, for chat templates that leave it out and take no message
// for it either, as Mistral's: it is written in front of the mark that begins the calls, where the models of
// such a format write it.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "ferrum/types.h"
#include "text/chat_template.h"
#include "tools/format.h"

namespace ferrum {

class TextBeforeCalls {
 public:
  // Takes the texts out of messages that have calls, and marks their first call's name with a word that no
  // message has. Calls that are not an array of objects with names stay as they are, and so does their text.
  explicit TextBeforeCalls(std::vector<ChatMessage>& messages);

  // The prompt that was rendered of those messages: without the words, and with each text in front of the
  // last of `marks` that the template wrote before its word. A text whose word or mark is not there is left
  // out.
  void put_into(RenderedPrompt& prompt, std::span<const std::string> marks) const;

 private:
  std::vector<std::string> texts_;
  std::string word_;  // behind it stand the text's number and a full stop
};

// What may begin calls in a format, outermost first.
std::vector<std::string> marks_before_calls(const tools::Format& format);

}  // namespace ferrum
