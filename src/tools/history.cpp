#include "tools/history.h"

#include <deque>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "tools/literal_reader.h"

namespace ferrum::tools {
namespace {

// Ids of nine letters and digits are valid in every format, also in Mistral's templates, which check it.
std::string id_of_call(uint64_t number) {
  constexpr std::string_view kAlphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string id;
  for (uint64_t i = 0; i < 9; ++i) id += kAlphabet[random_bits(number, i) % kAlphabet.size()];
  return id;
}

// Mistral's templates refuse other ids: one that does not fit is replaced, the same everywhere.
bool fits(const std::string& id, IdStyle style) {
  if (style == IdStyle::kCall) return !id.empty();
  return id.size() == 9 &&
         id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
             std::string::npos;
}

std::string fitting_id(const std::string& id, IdStyle style) {
  if (fits(id, style)) return id;
  uint64_t sum = 0;
  for (const char byte : id) sum = mix_bits(sum + static_cast<unsigned char>(byte) + 1);
  return id_of_call(sum);
}

std::string text_member(const OrderedJson& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

struct Pending {
  std::string id;  // as it is written now
  std::string name;
};

class Normalizer {
 public:
  Normalizer(const Format& format, ArgumentsAs as) : format_(format), as_(as) {}

  void message(OrderedJson& message) {
    if (!message.is_object()) return;
    const std::string role = text_member(message, "role");
    if (const auto content = message.find("content"); content == message.end() || content->is_null())
      message["content"] = "";
    if (const auto call = message.find("function_call"); call != message.end()) {
      if (call->is_object())
        message["tool_calls"] = OrderedJson::array({OrderedJson{{"type", "function"}, {"function", *call}}});
      message.erase("function_call");
    }
    if (role == "function") message["role"] = "tool";
    if (role == "tool" || role == "function") result(message);
    const auto calls = message.find("tool_calls");
    if (calls == message.end()) return;
    if (!calls->is_array() || calls->empty()) {
      message.erase("tool_calls");
      return;
    }
    pending_.clear();
    for (OrderedJson& one : *calls) call(one);
  }

 private:
  void call(OrderedJson& call) {
    if (!call.is_object()) return;
    if (!call.contains("function") || !call["function"].is_object()) return;
    if (!call.contains("type")) call["type"] = "function";
    if (!call.contains("id")) call["id"] = "";
    OrderedJson& function = call["function"];  // a member that is added later would move it
    const OrderedJson arguments = function.contains("arguments") ? function["arguments"] : OrderedJson();
    if (as_ == ArgumentsAs::kObject) {
      function["arguments"] = arguments_object(arguments);
    } else {
      function["arguments"] = arguments_text(arguments);
    }
    const std::string given = text_member(call, "id");
    const std::string id = given.empty() ? id_of_call(++made_) : fitting_id(given, format_.id_style);
    call["id"] = id;
    pending_.push_back({id, text_member(function, "name")});
  }

  void result(OrderedJson& message) {
    std::string id = text_member(message, "tool_call_id");
    if (!id.empty()) id = fitting_id(id, format_.id_style);
    std::string name = text_member(message, "name");
    auto answered = pending_.begin();
    while (answered != pending_.end() &&
           (id.empty() ? !name.empty() && answered->name != name : answered->id != id))
      ++answered;
    if (answered != pending_.end()) {
      if (id.empty()) id = answered->id;
      if (name.empty()) name = answered->name;
      pending_.erase(answered);
    }
    message["tool_call_id"] = id.empty() ? id_of_call(++made_) : id;
    if (!name.empty()) message["name"] = name;
  }

  const Format& format_;
  ArgumentsAs as_;
  std::deque<Pending> pending_;  // calls of the last assistant's message that have no result yet
  uint64_t made_ = 0;
};

}  // namespace

ArgumentsAs arguments_as(std::string_view chat_template) {
  const auto has = [&](std::string_view part) { return chat_template.find(part) != std::string_view::npos; };
  const bool handles_objects = has("arguments|") || has("arguments |") || has("arguments'] |") ||
                               has("arguments']|") || has("arguments\"] |") || has("arguments\"]|") ||
                               has("arguments.items") || has("arguments is mapping") ||
                               has("arguments'] is mapping") || has("arguments is string") ||
                               has("args.items") || has("args is") || has("args|") || has("args |");
  return has("arguments") && !handles_objects ? ArgumentsAs::kText : ArgumentsAs::kObject;
}

OrderedJson arguments_object(const OrderedJson& arguments) {
  if (arguments.is_object()) return arguments;
  if (arguments.is_null()) return OrderedJson::object();
  if (!arguments.is_string()) return {{"arguments", arguments}};
  const std::string& text = arguments.get_ref<const std::string&>();
  if (text.find_first_not_of(" \n\r\t") == std::string::npos) return OrderedJson::object();
  try {
    OrderedJson parsed = parse_ordered_json(text, "arguments");
    if (parsed.is_object()) return parsed;
  } catch (const std::exception&) {  // what a model once wrote need not be JSON
  }
  return {{"arguments", text}};
}

std::string arguments_text(const OrderedJson& arguments) {
  if (arguments.is_string()) {
    const std::string& text = arguments.get_ref<const std::string&>();
    return text.find_first_not_of(" \n\r\t") == std::string::npos ? "{}" : text;
  }
  return arguments_object(arguments).dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

void normalize_calls(OrderedJson& messages, const Format& format, ArgumentsAs as) {
  if (!messages.is_array()) return;
  Normalizer normalizer(format, as);
  for (OrderedJson& message : messages) normalizer.message(message);
}

}  // namespace ferrum::tools
