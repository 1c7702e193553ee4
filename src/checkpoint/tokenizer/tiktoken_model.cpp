#include "checkpoint/tokenizer/tiktoken_model.h"

#include <array>
#include <optional>

#include "base/base64.h"
#include "base/error.h"
#include "base/numbers.h"
#include "checkpoint/json_view.h"
#include "text/byte_alphabet.h"

namespace ferrum {
namespace {

constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// A byte-level tokenizer with this pattern that joins by rank.
TokenizerSpec ranked_spec(std::string_view pattern, const std::string& source, std::string field) {
  TokenizerSpec spec;
  spec.source = source;
  spec.tokens_field = std::move(field);
  spec.model = BpeSpec{.by_score = true, .ignore_merges = true};
  spec.pretokenizer = {
      SplitPattern{{TextPattern::Kind::kRegex, std::string(pattern)}, SplitBehavior::kIsolated},
      SplitByteLevel{.add_prefix_space = false, .use_regex = false}};
  spec.decoder = {DecodeByteLevel{}};
  return spec;
}

TokenizerSpec::Token ranked_token(std::string_view bytes, size_t rank) {
  return {.spelling = byte_alphabet::spell(bytes), .score = -static_cast<double>(rank)};
}

struct Line {
  std::string bytes;
  size_t rank = 0;
};

// Base64, a space and a rank.
std::optional<Line> parse_line(std::string_view line) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  std::optional<std::string> bytes = decode_base64(line.substr(0, space));
  if (!bytes || bytes->empty()) return std::nullopt;
  const std::optional<size_t> rank = whole_number<size_t>(line.substr(space + 1));
  if (!rank) return std::nullopt;
  return Line{std::move(*bytes), *rank};
}

// Takes the first line off.
std::string_view take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void add_control_token(TokenizerSpec& spec, std::string spelling) {
  spec.added.push_back({.id = static_cast<TokenId>(spec.tokens.size())});
  spec.tokens.push_back({.spelling = std::move(spelling), .kind = TokenKind::kControl});
}

}  // namespace

bool begins_tiktoken_model(std::string_view text) { return parse_line(take_line(text)).has_value(); }

TokenizerSpec read_tiktoken_model(std::string_view text, const std::string& source) {
  TokenizerSpec spec = ranked_spec(kLlama3Pattern, source, "the list of tokens");
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view text_of_line = take_line(text);
    if (text_of_line.empty()) continue;
    const std::optional<Line> line = parse_line(text_of_line);
    if (!line)
      fail(ErrorCode::kBadFile, "{}: line {} is {}, expected base64 and a rank", source, number,
           in_quotes(text_of_line));
    if (line->rank != spec.tokens.size())
      fail(ErrorCode::kBadFile, "{}: line {} has the rank {}, expected {}: ranks must have no holes", source,
           number, line->rank, spec.tokens.size());
    spec.tokens.push_back(ranked_token(line->bytes, line->rank));
  }
  return spec;
}

void add_llama3_control_tokens(TokenizerSpec& spec) {
  static constexpr std::array<std::string_view, 10> kFirst{"<|begin_of_text|>",
                                                           "<|end_of_text|>",
                                                           "<|reserved_special_token_0|>",
                                                           "<|reserved_special_token_1|>",
                                                           "<|reserved_special_token_2|>",
                                                           "<|reserved_special_token_3|>",
                                                           "<|start_header_id|>",
                                                           "<|end_header_id|>",
                                                           "<|reserved_special_token_4|>",
                                                           "<|eot_id|>"};
  const auto bos = static_cast<TokenId>(spec.tokens.size());
  for (const std::string_view name : kFirst) add_control_token(spec, std::string(name));
  for (int i = 5; i <= 250; ++i) add_control_token(spec, fmt::format("<|reserved_special_token_{}|>", i));
  spec.special.bos = bos;
  spec.special.eos = bos + 1;
  spec.special.add_bos = true;
  spec.prefix = {bos};
}

TokenizerSpec read_tekken_json(std::string_view text, const std::string& source) {
  const Json json = parse_json(text, source);
  const JsonView root(json, source);
  const JsonView config = root.at("config");
  TokenizerSpec spec = ranked_spec(config.at("pattern").string(), source, "vocab");
  constexpr int64_t kMost = 16'000'000;
  const auto size = static_cast<size_t>(config.at("default_vocab_size").integer(1, kMost));
  const auto specials =
      static_cast<size_t>(config.at("default_num_special_tokens").integer(0, static_cast<int64_t>(size)));

  // Control tokens come first, those that have no name as <SPECIAL_n>.
  std::vector<std::string> names(specials);
  static constexpr std::array<std::string_view, 12> kNamed{"<unk>",
                                                           "<s>",
                                                           "</s>",
                                                           "[INST]",
                                                           "[/INST]",
                                                           "[AVAILABLE_TOOLS]",
                                                           "[/AVAILABLE_TOOLS]",
                                                           "[TOOL_RESULTS]",
                                                           "[/TOOL_RESULTS]",
                                                           "[TOOL_CALLS]",
                                                           "[IMG]",
                                                           "<pad>"};
  for (size_t i = 0; i < specials; ++i)
    names[i] = i < kNamed.size() ? std::string(kNamed[i]) : fmt::format("<SPECIAL_{}>", i);
  if (const auto listed = root.find("special_tokens")) {
    for (size_t i = 0; i < listed->size(); ++i) {
      const JsonView entry = listed->element(i);
      const auto rank = entry.at("rank").integer(0, static_cast<int64_t>(specials) - 1);
      names[static_cast<size_t>(rank)] = entry.at("token_str").string();
    }
  }
  for (std::string& name : names) add_control_token(spec, std::move(name));

  const JsonView vocab = root.at("vocab");
  for (size_t i = 0; i < vocab.size() && spec.tokens.size() < size; ++i) {
    const JsonView entry = vocab.element(i);
    if (entry.at("rank").integer(0, kMost) != static_cast<int64_t>(i))
      entry.at("rank").refuse("leaves a hole");
    const JsonView encoded = entry.at("token_bytes");
    const auto bytes = decode_base64(encoded.string());
    if (!bytes || bytes->empty()) encoded.refuse("is not base64");
    spec.tokens.push_back(ranked_token(*bytes, i));
  }
  if (specials > 2) {
    spec.tokens[0].kind = TokenKind::kUnknown;
    spec.special.unk = 0;
    spec.special.bos = 1;
    spec.special.eos = 2;
    spec.special.add_bos = true;
    spec.prefix = {1};
  }
  return spec;
}

}  // namespace ferrum
