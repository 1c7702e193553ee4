// Chat templates: the Jinja source in a checkpoint, rendered as Hugging Face transformers renders it.
//
// The language is Jinja 3.1 with the settings of transformers: trim_blocks, lstrip_blocks, loop controls,
// `{% generation %}`, its `tojson`, `raise_exception` and `strftime_now`, and an immutable sandbox.
// Not supported is what needs other templates (include, import, extends), HTML (autoescape) or random numbers
// (random).
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

// A rendered prompt that records which parts the template wrote and which came from the context, that is,
// from users.
struct RenderedPrompt {
  struct Piece {
    std::string text;
    bool trusted = false;
  };
  std::vector<Piece> pieces;  // no piece is empty, and neighbours differ in trust

  void add_untrusted(const std::string& text);
  std::string text() const;
  std::vector<TextSpan> spans() const;  // views into pieces
};

// Immutable after construction: many threads may render at once.
class ChatTemplate {
 public:
  using Limits = jinja::Limits;

  // Parses the source. Throws kBadTemplate with line and column; the limits apply to parsing as well.
  explicit ChatTemplate(std::string source, const Limits& limits = {});
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  // `context` is an object: messages, tools, add_generation_prompt, bos_token, … `now` is the time that
  // strftime_now formats, in local time.
  //
  // All text in the context counts as the users', except the variables of is_trusted_variable and well-known
  // roles. Numbers, booleans and the punctuation of printed lists and JSON count as the template's.
  //
  // Throws kBadTemplate with line and column: raise_exception's message, use of an undefined value, an
  // exceeded limit.
  RenderedPrompt render(const OrderedJson& context, std::time_t now = std::time(nullptr)) const;

  const std::string& source() const;

  // bos_token, eos_token, unk_token, sep_token, pad_token, cls_token, mask_token, additional_special_tokens:
  // these come from the model, so control tokens in them are intended.
  static bool is_trusted_variable(std::string_view name);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ferrum
