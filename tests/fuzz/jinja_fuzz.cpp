// Chat templates: the first byte chooses the context, the rest is the template. Whatever it says, a prompt or
// an Error, within small limits; and what the users wrote never counts as the template's.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/check.h"
#include "base/error.h"
#include "text/chat_template.h"

namespace {

using namespace ferrum;

// Private use: no filter makes this out of anything else.
const std::string kUsersMark = "\uE000";

OrderedJson context_of(uint8_t choice) {
  OrderedJson context = {
      {"s", "text " + kUsersMark + " é"},
      {"l", {3, 1, kUsersMark, nullptr, 2.5}},
      {"d", {{"a", kUsersMark}, {"b", {1, {{"c", true}}}}}},
      {"n", nullptr},
      {"i", 7},
      {"bos_token", "<s>"},
      {"add_generation_prompt", choice % 2 == 1},
  };
  if (choice & 2)
    context["messages"] = {{{"role", "system"}, {"content", kUsersMark}},
                           {{"role", "user"}, {"content", {{{"type", "text"}, {"text", kUsersMark}}}}}};
  if (choice & 4) context["s"] = std::string(1000, ' ') + kUsersMark;
  return context;
}

// Whether a template may make the mark itself: with an escape, or a number's character.
bool may_make_mark(const std::string& source) {
  if (source.find(kUsersMark) != std::string::npos || source.find('\\') != std::string::npos) return true;
  for (size_t at = source.find('%'); at != std::string::npos; at = source.find('%', at + 1)) {
    const bool opens = at > 0 && source[at - 1] == '{';
    const bool closes = at + 1 < source.size() && source[at + 1] == '}';
    if (!opens && !closes) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string source(reinterpret_cast<const char*>(data) + 1, size - 1);
  const ChatTemplate::Limits limits = {.max_steps = 20'000, .max_bytes = 1 << 20, .max_depth = 50};
  try {
    const ChatTemplate chat(source, limits);
    const RenderedPrompt prompt = chat.render(context_of(data[0]), 1'753'531'200);
    for (size_t i = 0; i < prompt.pieces.size(); ++i) {
      const RenderedPrompt::Piece& piece = prompt.pieces[i];
      check(!piece.text.empty(), "a piece has text");
      check(i == 0 || piece.trusted != prompt.pieces[i - 1].trusted, "neighbours differ in trust");
      check(!piece.trusted || piece.text.find(kUsersMark) == std::string::npos || may_make_mark(source),
            "users' text is not trusted");
    }
  } catch (const Error& error) {
    check(error.code() == ErrorCode::kBadTemplate, "a template's fault");
  }
  return 0;
}
