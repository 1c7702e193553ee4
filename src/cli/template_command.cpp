// ferrum template: renders a chat template from a file or a model.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <ctime>
#include <iomanip>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "text/chat_context.h"
#include "text/chat_template.h"

namespace ferrum::cli {
namespace {

struct TemplateOptions {
  std::string model;
  std::string file;
  std::string context;
  std::string now;
};

std::time_t parse_time(const std::string& text) {
  std::tm parts = {};
  std::istringstream in(text);
  in >> std::get_time(&parts, "%Y-%m-%dT%H:%M:%S");
  if (in.fail())
    fail(ErrorCode::kBadArgument, "--now {}: expected e.g. 2026-11-20T12:00:00", in_quotes(text));
  parts.tm_isdst = -1;
  return std::mktime(&parts);
}

// Adds the model's special tokens, unless the context has its own.
void complete_special_tokens(OrderedJson& context, const Tokenizer& tokenizer) {
  ChatContext known;
  known.set_special_tokens(special_tokens(tokenizer));
  for (const auto& [name, value] : known.json().items())
    if (ChatTemplate::is_trusted_variable(name) && !context.contains(name)) context[name] = value;
}

void template_command(const TemplateOptions& o) {
  if (o.model.empty() == o.file.empty())
    fail(ErrorCode::kBadArgument, "give either a MODEL or a template with --file");
  OrderedJson context = parse_ordered_json(read_all(o.context), o.context);
  if (!context.is_object()) fail(ErrorCode::kBadFile, "{}: the context must be an object", o.context);
  std::string source;
  if (o.model.empty()) {
    source = read_all(o.file);
  } else {
    const std::unique_ptr<Checkpoint> checkpoint = Checkpoint::open(find_model(o.model));
    std::optional<std::string> own = checkpoint->chat_template();
    if (!own) fail(ErrorCode::kNotFound, "{} has no chat template", o.model);
    source = std::move(*own);
    if (const std::unique_ptr<const Tokenizer> tokenizer = checkpoint->load_tokenizer())
      complete_special_tokens(context, *tokenizer);
  }
  const std::time_t now = o.now.empty() ? std::time(nullptr) : parse_time(o.now);
  const std::string text = ChatTemplate(std::move(source)).render(context, now).text();
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

void add_template(CLI::App& app) {
  auto o = std::make_shared<TemplateOptions>();
  CLI::App& command = *app.add_subcommand("template", "Render a chat template");
  command.add_option("MODEL", o->model, "A model whose own template is rendered")->check(a_name());
  command.add_option("--file", o->file, "A template in Jinja, instead of a model's")->check(a_name());
  command
      .add_option("--context", o->context,
                  "JSON object: messages, tools, add_generation_prompt, …; - for standard input")
      ->type_name("FILE")
      ->required();
  command.add_option("--now", o->now, "The time that strftime_now sees, e.g. 2026-11-20T12:00:00");
  command.footer(
      "Prints the rendering as it is, without a newline of its own.\n\n"
      "Examples:\n"
      "  ferrum template --file chat_template.jinja --context context.json\n"
      "  echo '{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"add_generation_prompt\": true}' "
      "|\n"
      "    ferrum template model.gguf --context -");
  command.callback([o] { template_command(*o); });
}

}  // namespace ferrum::cli
