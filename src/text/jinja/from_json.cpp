#include "text/jinja/from_json.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "text/jinja/failure.h"

namespace ferrum::jinja {
namespace {

bool is_known_role(std::string_view role) {
  constexpr std::array<std::string_view, 10> kRoles = {
      "system", "user", "assistant", "tool", "developer", "function", "ipython", "model", "human", "bot"};
  return std::find(kRoles.begin(), kRoles.end(), role) != kRoles.end();
}

class Reader {
 public:
  Reader(Runtime& runtime, Origin origin) : runtime_(runtime), origin_(origin) {}

  Value read(const OrderedJson& json) {
    runtime_.budget.step();
    const Nested nested(depth_, runtime_.budget.max_depth());
    using Type = OrderedJson::value_t;
    switch (json.type()) {
      case Type::boolean:
        return json.get<bool>();
      case Type::number_integer:
        return json.get<int64_t>();
      case Type::number_unsigned: {
        const auto number = json.get<uint64_t>();
        if (number <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
          return static_cast<int64_t>(number);
        return static_cast<double>(number);
      }
      case Type::number_float:
        return json.get<double>();
      case Type::string:
        return Text(json.get_ref<const std::string&>(), origin_);
      case Type::array: {
        std::vector<Value> items;
        items.reserve(json.size());
        for (const OrderedJson& item : json) items.push_back(read(item));
        return make_list(runtime_.budget, std::move(items));
      }
      case Type::object:
        return read_object(json);
      case Type::null:
      case Type::binary:
      case Type::discarded:
        break;
    }
    return None{};
  }

 private:
  Value read_object(const OrderedJson& json) {
    Dict dict;
    for (const auto& [key, value] : json.items()) {
      const bool role =
          key == "role" && value.is_string() && is_known_role(value.get_ref<const std::string&>());
      dict.set(runtime_.budget, Text(key, origin_),
               role ? Value(Text(value.get_ref<const std::string&>(), Origin::kTemplate)) : read(value));
    }
    return make_dict(runtime_.budget, std::move(dict));
  }

  Runtime& runtime_;
  Origin origin_;
  int depth_ = 0;
};

}  // namespace

Value from_json(Runtime& runtime, const OrderedJson& json, Origin origin) {
  return Reader(runtime, origin).read(json);
}

}  // namespace ferrum::jinja
