#include "grammar/schema/json_tree.h"

#include <nlohmann/json.hpp>
#include <unordered_set>

namespace ferrum::grammar {
namespace {

class TreeBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  JsonTree root;

  bool null() override { return add({.type = JsonTree::Type::kNull}); }
  bool boolean(bool value) override {
    return add({.type = value ? JsonTree::Type::kTrue : JsonTree::Type::kFalse});
  }
  bool number_integer(int64_t value) override { return number(std::to_string(value)); }
  bool number_unsigned(uint64_t value) override { return number(std::to_string(value)); }
  bool number_float(double /*value*/, const std::string& text) override { return number(text); }
  bool string(std::string& value) override { return add({.type = JsonTree::Type::kString, .text = value}); }
  bool binary(nlohmann::json::binary_t& /*value*/) override { return false; }
  bool start_object(size_t /*size*/) override { return open({.type = JsonTree::Type::kObject}); }
  bool start_array(size_t /*size*/) override { return open({.type = JsonTree::Type::kArray}); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    if (!names_.back().insert(name).second)
      throw Refusal("JSON", "", "the schema has two members named " + in_quotes(name) + " in one object");
    open_.back()->members.push_back({name, JsonTree{}});
    return true;
  }
  bool parse_error(size_t position, const std::string& /*token*/,
                   const nlohmann::json::exception& error) override {
    if (error.id == 406) return true;  // beyond a double: its digits are kept
    throw Refusal("JSON", "", "the schema is no JSON: an error at byte " + std::to_string(position));
  }

 private:
  static constexpr size_t kMaxDepth = 300;

  bool number(std::string text) { return add({.type = JsonTree::Type::kNumber, .text = std::move(text)}); }
  bool add(JsonTree value) { return place(std::move(value)), true; }
  JsonTree* place(JsonTree value) {
    if (open_.empty()) return root = std::move(value), &root;
    JsonTree& parent = *open_.back();
    if (parent.is_object())
      return parent.members.back().value = std::move(value), &parent.members.back().value;
    return &parent.items.emplace_back(std::move(value));
  }
  bool open(JsonTree value) {
    if (open_.size() >= kMaxDepth) throw Refusal("JSON", "", "the schema is nested too deeply");
    open_.push_back(place(std::move(value)));
    names_.emplace_back();
    return true;
  }
  bool close() {
    open_.pop_back();
    names_.pop_back();
    return true;
  }

  std::vector<JsonTree*> open_;
  std::vector<std::unordered_set<std::string>> names_;
};

}  // namespace

JsonTree parse_json_tree(std::string_view text, const Limits& limits) {
  if (text.size() > limits.max_source_bytes) throw Refusal("JSON", "", "the schema is too large");
  TreeBuilder builder;
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return std::move(builder.root);
}

}  // namespace ferrum::grammar
