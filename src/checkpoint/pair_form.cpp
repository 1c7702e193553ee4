#include "checkpoint/pair_form.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "text/chat_context.h"
#include "text/chat_template.h"

namespace ferrum {
namespace {

constexpr std::string_view kInstruction = "{instruction}";

std::string rendered(const ChatTemplate& chat_template, std::string_view system) {
  ChatContext context;
  if (!system.empty()) context.add_message("system", system);
  context.add_message("query", "{query}");
  context.add_message("document", "{document}");
  return chat_template.render(context.json()).text();
}

// What stands in `text` where `form` has the instruction.
std::optional<std::string> instruction_in(std::string_view text, std::string_view form) {
  const size_t at = form.find(kInstruction);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view before = form.substr(0, at), after = form.substr(at + kInstruction.size());
  if (text.size() < before.size() + after.size() || !text.starts_with(before) || !text.ends_with(after))
    return std::nullopt;
  return std::string(text.substr(at, text.size() - before.size() - after.size()));
}

}  // namespace

void set_usual_form(TextHeadDescription& head) {
  set_form(
      head,
      "<|im_start|>system\nJudge whether the Document meet"
      "s the requirements based on the Query and the "
      "Instruct provided. Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n"
      "<|im_start|>user\n<Instruct>: Given a web search query, retrieve relevant passages that answer the "
      "query\n<Query>: {query}\n<Document>: {document}<|im_end|>\n<|im_start|>assistant\n<think>\n\n"
      "</think>\n\n");
}

void set_form(TextHeadDescription& head, std::string form) {
  constexpr std::string_view kMark = "<Instruct>: ";
  if (form.find("{query}") == std::string::npos || form.find("{document}") == std::string::npos) return;
  if (const size_t mark = form.find(kMark); mark != std::string::npos) {
    const size_t begin = mark + kMark.size();
    const size_t end = std::min(form.find('\n', begin), form.find("{query}"));
    head.instruction = form.substr(begin, end - begin);
    form.replace(begin, end - begin, kInstruction);
  }
  head.pair_form = std::move(form);
}

std::string whole_form(const TextHeadDescription& head) {
  std::string form = head.instruction.empty() && !head.plain_form.empty() ? head.plain_form : head.pair_form;
  if (const size_t at = form.find(kInstruction); at != std::string::npos)
    form.replace(at, kInstruction.size(), head.instruction);
  return form;
}

void set_form_of_template(TextHeadDescription& head, const std::string& chat_template) {
  if (chat_template.find("document") == std::string::npos) return;
  try {
    const ChatTemplate parsed(chat_template);
    std::string form = rendered(parsed, kInstruction);
    const std::string plain = rendered(parsed, {});
    if (form.find("{query}") == std::string::npos || form.find("{document}") == std::string::npos) return;
    if (const auto usual = instruction_in(plain, form))
      head.instruction = *usual;
    else if (plain.find("{query}") != std::string::npos && plain.find("{document}") != std::string::npos)
      head.plain_form = plain;
    head.pair_form = std::move(form);
  } catch (const Error&) {  // it takes no such turns
  }
}

}  // namespace ferrum
