// Chat templates: Jinja, as checkpoints carry it, rendered as Hugging Face transformers would.
#pragma once
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "text/token.h"

namespace ferrum {

// A rendered prompt that remembers which parts the template wrote and which came from the context (the
// users).
struct RenderedPrompt {
  struct Piece {
    std::string text;
    bool trusted = false;
  };
  std::vector<Piece> pieces;

  std::string text() const;
  std::vector<TextSpan> spans() const;  // views into pieces
};

class ChatTemplate {
 public:
  struct Limits {
    size_t max_steps = 2'000'000;         // evaluated nodes
    size_t max_bytes = size_t{64} << 20;  // of all strings alive or made while rendering
    int max_depth = 100;                  // of nesting, in the source and in recursion
  };

  // Parses. Error kBadTemplate with line and column; the limits are kept while parsing as well.
  explicit ChatTemplate(std::string source);
  ChatTemplate(std::string source, const Limits& limits);
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  // `context` is an object: messages, tools, add_generation_prompt, bos_token, … `now` is what strftime_now
  // sees. Error kBadTemplate: raise_exception's message, an undefined value used, a limit exceeded, with the
  // line.
  RenderedPrompt render(const OrderedJson& context, std::time_t now = std::time(nullptr)) const;

  const std::string& source() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferrum
