// ferrum tokenize, ferrum detokenize: converts text to token ids and back.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/numbers.h"
#include "base/utf8.h"
#include "checkpoint/readers/tokenizer_source.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "text/tokenizer.h"

namespace ferrum::cli {
namespace {

constexpr const char* kTokenizerHelp =
    "A model, or only its tokenizer: .gguf, folder, name, tokenizer.json, tokenizer.model";

struct TokenizeOptions {
  std::string model;
  std::optional<std::string> text;
  bool no_special = false;
  bool control_tokens = false;
  bool pieces = false;
  bool json = false;
};

void tokenize_command(const TokenizeOptions& o) {
  const std::unique_ptr<const Tokenizer> tokenizer = open_tokenizer(find_model(o.model));
  const std::string text = o.text ? *o.text : read_all("-");
  const std::vector<TokenId> ids =
      tokenizer->encode({text, o.control_tokens}, {.add_special = !o.no_special});
  if (o.json) {
    Json pieces = Json::array();
    for (const TokenId id : ids) pieces.push_back(utf8::sanitized(tokenizer->spelling(id)));
    fmt::print("{}\n", Json{{"ids", ids}, {"tokens", pieces}}.dump());
  } else if (o.pieces) {
    for (const TokenId id : ids) fmt::print("{:>8}  {}\n", id, in_quotes(tokenizer->spelling(id)));
  } else {
    fmt::print("{}\n", fmt::join(ids, " "));
  }
}

struct DetokenizeOptions {
  std::string model;
  std::vector<std::string> ids;
  bool control_tokens = false;
};

// Numbers in any of the usual notations of lists.
std::vector<TokenId> parse_ids(const std::string& text, int size) {
  constexpr const char* kSeparators = " \t\r\n,[]";
  std::vector<TokenId> ids;
  for (size_t at = text.find_first_not_of(kSeparators); at != std::string::npos;
       at = text.find_first_not_of(kSeparators, at)) {
    const size_t end = std::min(text.find_first_of(kSeparators, at), text.size());
    const std::string_view word = std::string_view(text).substr(at, end - at);
    const std::optional<TokenId> id = whole_number<TokenId>(word);
    if (!id) fail(ErrorCode::kBadArgument, "{} is not a token id", in_quotes(word));
    if (*id < 0 || *id >= size)
      fail(ErrorCode::kBadArgument, "token id {}: the vocabulary has 0 to {}", *id, size - 1);
    ids.push_back(*id);
    at = end;
  }
  return ids;
}

void detokenize_command(const DetokenizeOptions& o) {
  const std::unique_ptr<const Tokenizer> tokenizer = open_tokenizer(find_model(o.model));
  const std::string text = o.ids.empty() ? read_all("-") : fmt::format("{}", fmt::join(o.ids, " "));
  const std::string decoded = tokenizer->decode(parse_ids(text, tokenizer->size()), o.control_tokens);
  fmt::print("{}", decoded);
  if (!decoded.ends_with('\n')) fmt::print("\n");
}

}  // namespace

void add_tokenize(CLI::App& app) {
  auto o = std::make_shared<TokenizeOptions>();
  CLI::App& command = *app.add_subcommand("tokenize", "Show the token ids of a text");
  command.add_option("MODEL", o->model, kTokenizerHelp)->required()->check(a_name());
  command.add_option("TEXT", o->text, "The text; default: standard input");
  command.add_flag("--no-special", o->no_special, "Do not add BOS, EOS and other special tokens");
  command.add_flag("--control-tokens", o->control_tokens, "Recognise control tokens in the text");
  command.add_flag("--pieces", o->pieces, "One line per token, with its spelling");
  command.add_flag("--json", o->json, "Print an object with ids and tokens");
  command.footer(
      "Examples:\n"
      "  ferrum tokenize model.gguf \"Hello world\"\n"
      "  ferrum tokenize hf-folder --pieces < text.txt\n"
      "  ferrum tokenize model.gguf \"<|im_start|>user\" --control-tokens --json");
  command.callback([o] { tokenize_command(*o); });
}

void add_detokenize(CLI::App& app) {
  auto o = std::make_shared<DetokenizeOptions>();
  CLI::App& command = *app.add_subcommand("detokenize", "Show the text of token ids");
  command.add_option("MODEL", o->model, kTokenizerHelp)->required()->check(a_name());
  command.add_option("IDS", o->ids, "Token ids; default: standard input");
  command.add_flag("--control-tokens", o->control_tokens, "Show control tokens as well");
  command.footer(
      "Examples:\n"
      "  ferrum detokenize model.gguf 1011 1235\n"
      "  ferrum tokenize model.gguf \"Hello\" | ferrum detokenize model.gguf");
  command.callback([o] { detokenize_command(*o); });
}

}  // namespace ferrum::cli
