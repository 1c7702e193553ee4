#include "server/api/json_source.h"

#include <nlohmann/json.hpp>

namespace ferrum::server {

// Passes over text and tree side by side. The text is known to be valid, so that nothing is checked.
class JsonSource::Walk {
 public:
  Walk(std::string_view text, JsonSource& out) : text_(text), out_(out) {}

  // Of the next value; `tree`: null where the tree has none.
  void value(const Json* tree) {
    skip_space();
    if (text_[at_] == '{')
      object(tree && tree->is_object() ? tree : nullptr);
    else if (text_[at_] == '[')
      array(tree && tree->is_array() ? tree : nullptr);
    else if (text_[at_] == '"')
      string();
    else
      at_ = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
  }

 private:
  void object(const Json* tree) {
    const size_t begin = at_++;
    while (next() != '}') {
      const std::string_view key = string();
      next();  // the colon
      ++at_;
      value(tree ? member(*tree, key) : nullptr);
      if (next() == ',') ++at_;
    }
    ++at_;
    if (tree) out_.texts_.emplace(tree, text_.substr(begin, at_ - begin));
  }

  void array(const Json* tree) {
    ++at_;
    for (size_t i = 0; next() != ']'; ++i) {
      value(tree && i < tree->size() ? &(*tree)[i] : nullptr);
      if (next() == ',') ++at_;
    }
    ++at_;
  }

  // With its quotation marks.
  std::string_view string() {
    const size_t begin = at_++;
    while (text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    ++at_;
    return text_.substr(begin, at_ - begin);
  }

  static const Json* member(const Json& object, std::string_view quoted_key) {
    const bool escaped = quoted_key.find('\\') != std::string_view::npos;
    const auto found = object.find(escaped ? Json::parse(quoted_key).get<std::string>()
                                           : std::string(quoted_key.substr(1, quoted_key.size() - 2)));
    return found == object.end() ? nullptr : &*found;
  }

  void skip_space() { at_ = text_.find_first_not_of(" \t\r\n", at_); }
  char next() {
    skip_space();
    return text_[at_];
  }

  std::string_view text_;
  size_t at_ = 0;
  JsonSource& out_;
};

JsonSource::JsonSource(const Json& tree, std::string_view text) { Walk(text, *this).value(&tree); }

std::string_view JsonSource::of(const Json& value) const {
  const auto found = texts_.find(&value);
  return found == texts_.end() ? std::string_view() : found->second;
}

}  // namespace ferrum::server
