#include "server/anthropic/part_of_json.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace ferrum::server::anthropic {
namespace {

class Reader final : public nlohmann::json_sax<OrderedJson> {
 public:
  OrderedJson take() { return std::move(root_); }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*size*/) override { return open(OrderedJson::object()); }
  bool start_array(std::size_t /*size*/) override { return open(OrderedJson::array()); }
  bool key(string_t& name) override {
    name_ = std::move(name);
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t /*at*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return false;
  }

 private:
  OrderedJson& place() {
    if (open_.empty()) return root_;
    OrderedJson& in = *open_.back();
    if (in.is_object()) return in[name_];
    in.push_back(nullptr);
    return in.back();
  }
  bool put(OrderedJson value) {
    place() = std::move(value);
    return true;
  }
  bool open(OrderedJson value) {
    constexpr size_t kMostDepth = 128;  // what writes it calls itself for each level
    if (open_.size() >= kMostDepth) return false;
    OrderedJson& at = place();
    at = std::move(value);
    open_.push_back(&at);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  OrderedJson root_ = OrderedJson::object();
  std::vector<OrderedJson*> open_;  // only the last one grows, so the others stay where they are
  std::string name_;
};

}  // namespace

OrderedJson part_of_json(std::string_view text) {
  // A number at the end may go on; the end of "true" is none.
  const size_t number = text.find_last_not_of("0123456789+-.eE") + 1;
  if (number < text.size() && text[number] != 'e') text = text.substr(0, number);
  Reader reader;
  OrderedJson::sax_parse(text, &reader, OrderedJson::input_format_t::json, false);
  OrderedJson part = reader.take();
  return part.is_object() ? part : OrderedJson::object();
}

}  // namespace ferrum::server::anthropic
