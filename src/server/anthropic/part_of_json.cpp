#include "server/anthropic/part_of_json.h"

#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace ferrum::server::anthropic {
namespace {

// The bytes of a text, which say how many were read.
class Bytes {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Bytes(const char* at, size_t* read) : at_(at), read_(read) {}
  reference operator*() const { return *at_; }
  Bytes& operator++() {
    ++at_;
    ++*read_;
    return *this;
  }
  bool operator==(const Bytes& other) const { return at_ == other.at_; }
  bool operator!=(const Bytes& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  size_t* read_;
};

class Reader final : public nlohmann::json_sax<OrderedJson> {
 public:
  explicit Reader(const size_t& read) : read_(read) {}

  OrderedJson take() { return std::move(root_); }
  size_t whole() const { return whole_; }  // bytes up to behind the last whole value

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put_number(value); }
  bool number_unsigned(number_unsigned_t value) override { return put_number(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return put_number(value); }
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
    whole_ = read_;
    return true;
  }
  bool put_number(OrderedJson value) {  // whose end shows at the byte behind it
    put(std::move(value));
    --whole_;
    return true;
  }
  bool open(OrderedJson value) {
    constexpr size_t kMostDepth = 128;  // what writes it calls itself for each level
    if (open_.size() >= kMostDepth) return false;
    OrderedJson& at = place();
    at = std::move(value);
    open_.push_back(&at);
    whole_ = read_;
    return true;
  }
  bool close() {
    open_.pop_back();
    whole_ = read_;
    return true;
  }

  const size_t& read_;
  size_t whole_ = 0;
  OrderedJson root_ = OrderedJson::object();
  std::vector<OrderedJson*> open_;  // only the last one grows, so the others stay where they are
  std::string name_;
};

}  // namespace

PartOfJson part_of_json(std::string_view all) {
  std::string_view text = all;
  // A number at the end may go on; the end of "true" is none.
  const size_t number = text.find_last_not_of("0123456789+-.eE") + 1;
  if (number < text.size() && text[number] != 'e') text = text.substr(0, number);
  size_t read = 0;
  Reader reader(read);
  const Bytes begin(text.data(), &read), end(text.data() + text.size(), &read);
  OrderedJson::sax_parse(begin, end, &reader, OrderedJson::input_format_t::json, false);
  OrderedJson part = reader.take();
  if (!part.is_object()) return {OrderedJson::object(), all};
  std::string_view rest = all.substr(std::min(reader.whole(), all.size()));
  rest.remove_prefix(std::min(rest.find_first_not_of(", \t\n\r"), rest.size()));
  return {std::move(part), rest};
}

}  // namespace ferrum::server::anthropic
