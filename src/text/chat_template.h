// Chat templates: Jinja, as checkpoints carry it, rendered as Hugging Face transformers would.
//
// The language is that of Jinja 3.1 with the settings of transformers: trim_blocks, lstrip_blocks, loop
// controls,
// `{% generation %}`, its `tojson`, `raise_exception` and `strftime_now`, and an immutable sandbox. Left out
// is what needs other templates (include, import, extends), HTML (autoescape) or chance (random).
#pragma once
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/jinja/limits.h"
#include "text/token.h"

namespace ferrum {

// A rendered prompt that remembers which parts the template wrote and which came from the context (the
// users).
struct RenderedPrompt {
  struct Piece {
    std::string text;
    bool trusted = false;
  };
  std::vector<Piece> pieces;  // none is empty, and neighbours differ in trust

  void add_untrusted(const std::string& text);
  std::string text() const;
  std::vector<TextSpan> spans() const;  // views into pieces
};

// Immutable once made: many threads may render at once.
class ChatTemplate {
 public:
  using Limits = jinja::Limits;

  // Parses. Error kBadTemplate with line and column; the limits are kept while parsing as well.
  explicit ChatTemplate(std::string source, const Limits& limits = {});
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  // `context` is an object: messages, tools, add_generation_prompt, bos_token, … `now` is what strftime_now
  // sees, in local time.
  //
  // Everything in the context is text of users, except what is_trusted_variable names, and the well-known
  // roles. Numbers, booleans and the punctuation of printed lists and JSON count as the template's.
  //
  // Error kBadTemplate: raise_exception's message, an undefined value used, a limit exceeded, with line and
  // column.
  RenderedPrompt render(const OrderedJson& context, std::time_t now = std::time(nullptr)) const;

  const std::string& source() const;

  // bos_token, eos_token, unk_token, sep_token, pad_token, cls_token, mask_token, additional_special_tokens:
  // the model gives these, so control tokens in them are meant.
  static bool is_trusted_variable(std::string_view name);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferrum
