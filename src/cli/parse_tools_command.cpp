// ferrum parse-tools: what an answer means in the format of a chat template.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/options.h"
#include "engine/tool_offer.h"
#include "text/chat_context.h"
#include "text/chat_template.h"
#include "tools/parser.h"

namespace ferrum::cli {
namespace {

struct ParseToolsOptions {
  std::string answer = "-";
  std::string chat_template;
  std::string tools;
  std::string kwargs;
  std::string phase;
  std::string stream;
  bool every_split = false;
};

// What a template's prompt ends with: the phase of the answer. A template that does not render the
// conversation at all says nothing.
tools::Phase phase_of(const tools::Format& format, const std::string& source, const OrderedJson& tool_list,
                      const std::string& kwargs) {
  OrderedJson options = OrderedJson::object();
  if (!kwargs.empty()) options = parse_ordered_json(kwargs, "--kwargs");
  if (!options.is_object()) fail(ErrorCode::kBadArgument, "--kwargs: must be a JSON object");
  std::optional<ChatTemplate> chat_template;
  const auto render = [&](const std::vector<ChatMessage>& messages, const ToolUse& use,
                          const OfferForm& form) {
    ChatContext context;
    context.set_special_tokens(
        {.bos = "", .eos = "", .unk = "", .sep = "", .pad = "", .cls = "", .mask = ""});
    std::vector<OrderedJson> list;
    for (const ChatMessage& message : messages)
      list.push_back({{"role", message.role}, {"content", message.content}});
    offer(use, form, context, list);
    for (const OrderedJson& message : list) context.add_message(message);
    for (const auto& [name, value] : options.items()) context.set_option(name, value);
    return chat_template->render(context.json()).text();
  };
  // A template that refuses the functions' schemas ends its prompt as it does without them.
  for (const bool offers : {!tool_list.empty(), false}) {
    ToolUse use;
    if (offers) use.functions = tool_list.dump();
    try {
      if (!chat_template) chat_template.emplace(source);
      const OfferForm form = offer_form_of(render, source);
      return tools::phase_at_end(format, render({{.role = "user", .content = "Hello"}}, use, form));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBadTemplate) throw;
    }
  }
  return tools::phase_at_end(format, "");
}

class AnswerReader {
 public:
  AnswerReader(tools::Format format, std::shared_ptr<const tools::ToolList> list, tools::Phase phase)
      : format_(std::move(format)), list_(std::move(list)), phase_(phase) {}

  // In pieces of `size` bytes.
  tools::ParsedAnswer in_pieces(std::string_view text, size_t size) const {
    tools::Parser parser = this->parser();
    tools::ParsedAnswer answer;
    for (size_t at = 0; at < text.size(); at += size) answer.add(parser.feed(text.substr(at, size)));
    answer.add(parser.finish());
    return answer;
  }

  tools::ParsedAnswer split_at(std::string_view text, size_t at) const {
    tools::Parser parser = this->parser();
    tools::ParsedAnswer answer;
    answer.add(parser.feed(text.substr(0, at)));
    answer.add(parser.feed(text.substr(at)));
    answer.add(parser.finish());
    return answer;
  }

 private:
  tools::Parser parser() const { return {format_, list_, {.phase = phase_, .calls = !list_->all().empty()}}; }

  tools::Format format_;
  std::shared_ptr<const tools::ToolList> list_;
  tools::Phase phase_;
};

OrderedJson json_of(const tools::ParsedAnswer& answer) {
  OrderedJson calls = OrderedJson::array();
  for (const tools::ParsedCall& call : answer.calls)
    calls.push_back(
        {{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}, {"complete", call.complete}});
  return {{"content", answer.content}, {"reasoning", answer.reasoning}, {"calls", std::move(calls)}};
}

void print(const OrderedJson& json) {
  fmt::print("{}\n", json.dump(2, ' ', false, OrderedJson::error_handler_t::replace));
}

void parse_tools_command(const ParseToolsOptions& o) {
  const std::string source = read_all(o.chat_template);
  const OrderedJson tool_list =
      o.tools.empty() ? OrderedJson::array() : parse_ordered_json(read_all(o.tools), o.tools);
  if (!tool_list.is_array()) fail(ErrorCode::kBadFile, "{}: the tools must be an array", o.tools);
  const tools::Format format = tools::format_of(source);
  const tools::Phase phase = o.phase == "content"     ? tools::Phase::kContent
                             : o.phase == "reasoning" ? tools::Phase::kReasoning
                                                      : phase_of(format, source, tool_list, o.kwargs);
  const AnswerReader reader(format, std::make_shared<const tools::ToolList>(tool_list), phase);
  const std::string text = read_all(o.answer);
  const tools::ParsedAnswer whole = reader.in_pieces(text, std::max<size_t>(text.size(), 1));
  OrderedJson json = {{"format", format.family}};
  if (!o.stream.empty()) {
    size_t size = 0;
    set_number(size, o.stream);
    json.update(json_of(reader.in_pieces(text, size)));
  } else {
    json.update(json_of(whole));
  }
  if (o.every_split) {
    for (size_t at = 0; at <= text.size(); ++at)
      if (!(reader.split_at(text, at) == whole))
        fail(ErrorCode::kBadFile, "the answer split at byte {} means something else", at);
    if (!(reader.in_pieces(text, 1) == whole))
      fail(ErrorCode::kBadFile, "the answer byte by byte means something else");
    json["splits"] = fmt::format("all {} give the same", text.size() + 1);
  }
  print(json);
}

}  // namespace

void add_parse_tools(CLI::App& app) {
  auto o = std::make_shared<ParseToolsOptions>();
  CLI::App& command = *app.add_subcommand("parse-tools", "Show content, reasoning and calls of an answer");
  command
      .add_option("ANSWER", o->answer,
                  "A file with the answer's text, control tokens spelled out; default: standard input")
      ->check(a_name());
  command
      .add_option("--template", o->chat_template,
                  "The chat template, whose format of calls the answer follows")
      ->type_name("FILE")
      ->required()
      ->check(a_name());
  command
      .add_option("--tools", o->tools,
                  "The functions that the request offered, as a JSON array; without them no calls are read")
      ->type_name("FILE")
      ->check(a_name());
  command.add_option("--kwargs", o->kwargs, "JSON object of options for the template, e.g. enable_thinking")
      ->type_name("JSON");
  command.add_option("--phase", o->phase, "Where the answer begins; default: as the template's prompt ends")
      ->check(one_of({"content", "reasoning"}));
  command.add_option("--stream", o->stream, "Feed the answer in pieces of N bytes")
      ->type_name("N")
      ->check(from_to<size_t>(1));
  command.add_flag("--every-split", o->every_split,
                   "Check that the answer means the same however it is split in two");
  command.footer(
      "Examples:\n"
      "  ferrum parse-tools --template chat_template.jinja --tools tools.json answer.txt\n"
      "  ferrum parse-tools --template chat_template.jinja --tools tools.json --every-split < answer.txt");
  command.callback([o] { parse_tools_command(*o); });
}

}  // namespace ferrum::cli
