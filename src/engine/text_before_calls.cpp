#include "engine/text_before_calls.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/json.h"

namespace ferrum {
namespace {

// A word that stands in none of the messages.
std::string new_word(const std::vector<ChatMessage>& messages) {
  for (uint64_t i = 0;; ++i) {
    std::string word = "ferrum-text-before-call-" + std::to_string(i) + "-";
    const bool is_new = std::ranges::none_of(messages, [&](const ChatMessage& message) {
      return message.content.find(word) != std::string::npos ||
             message.tool_calls.find(word) != std::string::npos ||
             message.reasoning.find(word) != std::string::npos;
    });
    if (is_new) return word;
  }
}

// The calls of a message, the first one's name behind `word`; nothing where it has no name.
std::optional<std::string> with_word(const std::string& calls, const std::string& word) {
  OrderedJson json = OrderedJson::parse(calls, nullptr, false);
  if (!json.is_array() || json.empty() || !json[0].is_object() || !json[0].contains("function"))
    return std::nullopt;
  OrderedJson& function = json[0]["function"];
  if (!function.is_object() || !function.contains("name") || !function["name"].is_string())
    return std::nullopt;
  function["name"] = word + function["name"].get<std::string>();
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

using Pieces = std::vector<RenderedPrompt::Piece>;

void append(Pieces& pieces, std::string_view text, bool trusted) {
  if (text.empty()) return;
  if (pieces.empty() || pieces.back().trusted != trusted) pieces.push_back({.text = "", .trusted = trusted});
  pieces.back().text += text;
}

struct Place {
  size_t piece = 0;
  size_t at = 0;
};

// The last of `marks` before piece `end`, which the template wrote.
std::optional<Place> last_mark(const Pieces& pieces, size_t end, std::span<const std::string> marks) {
  for (const std::string& mark : marks)
    for (size_t i = end; i-- > 0;) {
      if (!pieces[i].trusted) continue;
      const size_t at = pieces[i].text.rfind(mark);
      if (at != std::string::npos) return Place{.piece = i, .at = at};
    }
  return std::nullopt;
}

Pieces with_text(const Pieces& pieces, const Place& place, const std::string& text) {
  Pieces out;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const std::string_view all = pieces[i].text;
    if (i != place.piece) {
      append(out, all, pieces[i].trusted);
      continue;
    }
    append(out, all.substr(0, place.at), true);
    append(out, text, false);
    append(out, all.substr(place.at), true);
  }
  return out;
}

// Takes `word` out wherever it stands; the first piece that had it.
std::optional<size_t> take_out(Pieces& pieces, const std::string& word) {
  std::optional<size_t> first;
  for (size_t i = 0; i < pieces.size(); ++i)
    for (size_t at = pieces[i].text.find(word); at != std::string::npos; at = pieces[i].text.find(word, at)) {
      if (!first) first = i;
      pieces[i].text.erase(at, word.size());
    }
  return first;
}

}  // namespace

TextBeforeCalls::TextBeforeCalls(std::vector<ChatMessage>& messages) : word_(new_word(messages)) {
  for (ChatMessage& message : messages) {
    if (message.tool_calls.empty() || message.content.empty()) continue;
    const auto calls = with_word(message.tool_calls, word_ + std::to_string(texts_.size()) + ".");
    if (!calls) continue;
    message.tool_calls = *calls;
    texts_.push_back(std::exchange(message.content, ""));
  }
}

void TextBeforeCalls::put_into(RenderedPrompt& prompt, std::span<const std::string> marks) const {
  for (size_t i = 0; i < texts_.size(); ++i) {
    const auto piece = take_out(prompt.pieces, word_ + std::to_string(i) + ".");
    if (!piece) continue;
    if (const auto mark = last_mark(prompt.pieces, *piece, marks))
      prompt.pieces = with_text(prompt.pieces, *mark, texts_[i]);
  }
  std::erase_if(prompt.pieces, [](const RenderedPrompt::Piece& piece) { return piece.text.empty(); });
}

std::vector<std::string> marks_before_calls(const tools::Format& format) {
  std::vector<std::string> marks;
  for (const tools::Wrapper& wrapper : format.wrappers)
    if (!wrapper.open.empty()) marks.push_back(wrapper.open);
  if (!format.marks.open.empty()) marks.push_back(format.marks.open);
  return marks;
}

}  // namespace ferrum
