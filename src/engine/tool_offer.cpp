#include "engine/tool_offer.h"

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"

namespace ferrum {
namespace {

using Place = OfferForm::Place;

constexpr int kIndent = 4;  // of FireFunction's JSON
constexpr std::string_view kProbe = "probe_tool";

ToolUse probe_offer() {
  ToolUse use;
  use.functions =
      R"([{"type":"function","function":{"name":"probe_tool","description":"Probes.","parameters":)"
      R"({"type":"object","properties":{"a":{"type":"string","description":"A."}},"required":["a"]}}}])";
  return use;
}

std::optional<std::string> text_of(const RenderOffer& render, const std::vector<ChatMessage>& messages,
                                   const ToolUse& use, const OfferForm& form) {
  try {
    return render(messages, use, form);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::vector<std::vector<ChatMessage>> conversations() {
  const ChatMessage system = {.role = "system", .content = "?"};
  const ChatMessage user = {.role = "user", .content = "?"};
  return {{user}, {system, user}};
}

bool is_rendered(const RenderOffer& render, const OfferForm& form) {
  return text_of(render, conversations().front(), {}, form).has_value();
}

bool is_shown(const RenderOffer& render, const OfferForm& form) {
  for (const std::vector<ChatMessage>& messages : conversations()) {
    const std::optional<std::string> text = text_of(render, messages, probe_offer(), form);
    if (text && text->find(kProbe) != std::string::npos) return true;
  }
  return false;
}

// The form in which a template is rendered that reads variables without asking whether they are there;
// nothing where there is none.
std::optional<OfferForm> form_without_functions(const RenderOffer& render, std::string_view source) {
  if (is_rendered(render, {})) return OfferForm{};
  const auto reads = [&](std::string_view name) { return source.find(name) != std::string_view::npos; };
  for (const bool datetime : {false, true})
    for (const bool always : {false, true})
      for (const Place place : {Place::kTools, Place::kFunctions, Place::kFunctionsText}) {
        const bool reads_it = reads(place == Place::kTools ? "tools" : "functions");
        if ((datetime && !reads("datetime")) || (always && !reads_it)) continue;
        const OfferForm form = {.place = place, .always = always, .datetime = datetime};
        if (is_rendered(render, form)) return form;
      }
  return std::nullopt;
}

// The functions themselves.
OrderedJson bare(const OrderedJson& tools) {
  OrderedJson functions = OrderedJson::array();
  for (const OrderedJson& tool : tools) {
    const bool wraps = tool.is_object() && tool.contains("function");
    functions.push_back(wraps ? tool.at("function") : tool);
  }
  return functions;
}

std::string text_of(const OrderedJson& json, int indent) {
  return json.dump(indent, ' ', false, OrderedJson::error_handler_t::replace);
}

// The type of values that a schema admits, or the first of several but null.
std::string type_of(const OrderedJson& schema) {
  if (const auto type = schema.find("type"); type != schema.end()) {
    if (type->is_string() && *type != "null") return *type;
    if (type->is_array())
      for (const OrderedJson& one : *type)
        if (one.is_string() && one != "null") return one;
  }
  return schema.contains("properties") ? "object" : schema.contains("items") ? "array" : "string";
}

// The one alternative of a union that says the most: the first but null.
OrderedJson resolved(OrderedJson schema) {
  for (const char* name : {"anyOf", "oneOf", "allOf"}) {
    const auto schemas = schema.find(name);
    if (schema.contains("type") || schemas == schema.end() || !schemas->is_array()) continue;
    for (const OrderedJson& one : *schemas) {
      if (!one.is_object() || one.value("type", OrderedJson()) == "null") continue;
      OrderedJson merged = one;
      if (schema.contains("description")) merged["description"] = schema["description"];
      return merged;
    }
  }
  return schema;
}

OrderedJson plain(const OrderedJson& given, int depth) {
  constexpr int kMostDepth = 20;
  if (!given.is_object() || depth > kMostDepth) return {{"type", "string"}};
  const OrderedJson schema = resolved(given);
  OrderedJson result = {{"type", type_of(schema)}};
  for (const char* name : {"description", "enum", "required"})
    if (schema.contains(name)) result[name] = schema[name];
  if (const auto properties = schema.find("properties");
      properties != schema.end() && properties->is_object()) {
    result["properties"] = OrderedJson::object();
    for (const auto& [name, property] : properties->items())
      result["properties"][name] = plain(property, depth + 1);
  }
  if (result["type"] == "array")
    result["items"] = plain(schema.value("items", OrderedJson::object()), depth + 1);
  return result;
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &local)};
}

}  // namespace

OfferForm offer_form_of(const RenderOffer& render, std::string_view source) {
  const std::optional<OfferForm> least = form_without_functions(render, source);
  if (!least || least->always) return least.value_or(OfferForm{});
  OfferForm form = *least;
  for (const Place place : {Place::kTools, Place::kFunctions, Place::kFunctionsText, Place::kSystemText}) {
    form.place = place;
    if (is_shown(render, form)) return form;
  }
  form.place = Place::kNowhere;
  return form;
}

OrderedJson functions_of(const ToolUse& use) {
  if (use.functions.empty()) return OrderedJson::array();
  OrderedJson functions;
  try {
    functions = parse_ordered_json(use.functions, "tools");
  } catch (const Error& e) {
    throw Error(ErrorCode::kBadArgument, e.what());
  }
  if (!functions.is_array())
    fail(ErrorCode::kBadArgument, "tools: expected an array, found {}", functions.type_name());
  for (OrderedJson& tool : functions) {
    if (!tool.is_object() || !tool.contains("function") || !tool["function"].is_object()) continue;
    OrderedJson& function = tool["function"];
    if (!function.contains("description")) function["description"] = "";
    if (!function.contains("parameters") || !function["parameters"].is_object())
      function["parameters"] = {{"type", "object"}};
    // Templates go through them unasked.
    if (!function["parameters"].contains("properties"))
      function["parameters"]["properties"] = OrderedJson::object();
  }
  return functions;
}

ToolUse with_plain_schemas(const ToolUse& use) {
  OrderedJson functions = functions_of(use);
  for (OrderedJson& tool : functions)
    if (tool.is_object() && tool.contains("function") && tool["function"].is_object()) {
      OrderedJson& parameters = tool["function"]["parameters"];
      parameters = plain(parameters, 0);
      parameters["type"] = "object";
      if (!parameters.contains("properties")) parameters["properties"] = OrderedJson::object();
    }
  ToolUse plainer = use;
  plainer.functions = text_of(functions, -1);
  return plainer;
}

void offer(const ToolUse& use, const OfferForm& form, ChatContext& context,
           std::vector<OrderedJson>& messages) {
  if (form.datetime) context.set_option("datetime", today());
  if (use.functions.empty() && !form.always) return;
  const OrderedJson tools = functions_of(use);
  switch (form.place) {
    case Place::kTools:
      return context.set_tools(tools);
    case Place::kFunctions:
      return context.set_functions(bare(tools));
    case Place::kFunctionsText:
      return context.set_functions(text_of(bare(tools), kIndent));
    case Place::kSystemText:
      if (messages.empty() || messages.front().value("role", "") != "system")
        messages.insert(messages.begin(), OrderedJson{{"role", "system"}, {"content", ""}});
      messages.front()["tools"] = text_of(bare(tools), -1);
      return;
    case Place::kNowhere:
      return;
  }
}

}  // namespace ferrum
