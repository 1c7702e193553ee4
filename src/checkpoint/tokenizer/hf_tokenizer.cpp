#include "checkpoint/tokenizer/hf_tokenizer.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "checkpoint/file_kind.h"
#include "checkpoint/tokenizer/sentencepiece_model.h"
#include "checkpoint/tokenizer/tiktoken_model.h"
#include "checkpoint/tokenizer/tokenizer_config.h"
#include "checkpoint/tokenizer/tokenizer_json.h"
#include "checkpoint/tokenizer/vocabulary_files.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

// A ModelProto begins with the key of its first piece, a line of tiktoken's with base64.
bool is_sentencepiece(std::string_view bytes) { return bytes.starts_with('\n'); }

TokenizerSpec read_spec(const fs::path& file) {
  const auto mapped = MappedFile::open(file);
  const std::string_view text = mapped->text();
  const std::string source = file.string();
  if (file.filename() == "tekken.json") return read_tekken_json(text, source);
  if (file.extension() == ".json") return read_tokenizer_json(text, source);
  const fs::path folder = file.parent_path().empty() ? fs::path(".") : file.parent_path();
  if (file.filename() == "vocab.json" || file.filename() == "merges.txt" || file.filename() == "vocab.txt")
    if (auto spec = read_vocabulary_files(folder)) return *std::move(spec);
  if (is_sentencepiece(text)) return read_sentencepiece_model(text, source);
  if (begins_tiktoken_model(text)) return read_tiktoken_model(text, source);
  fail(ErrorCode::kBadFile,
       "{}: is no GGUF file, no model's folder and no tokenizer that is known (tokenizer.json, "
       "tokenizer.model, "
       "tekken.json); it looks like {}",
       source, text.empty() ? "an empty file" : looks_like(mapped->bytes()));
}

bool has_control_tokens(const TokenizerSpec& spec) {
  return std::any_of(spec.tokens.begin(), spec.tokens.end(),
                     [](const auto& token) { return token.kind == TokenKind::kControl; });
}

// Drops the added tokens from `vocab` on. What names them is dropped, with a warning, by Tokenizer::make.
void leave_out_past(TokenizerSpec& spec, size_t vocab) {
  if (spec.tokens.size() <= vocab) return;
  const auto first = spec.tokens.begin() + static_cast<std::ptrdiff_t>(vocab);
  const auto is_left_out = [](const TokenizerSpec::Token& token) {
    return token.is_added || token.spelling.empty();
  };
  if (!std::all_of(first, spec.tokens.end(), is_left_out)) return;  // the model's own vocabulary is another
  log::warn("{}: {} tokens, but the model has {}: added ones from {} on are left out", spec.source,
            spec.tokens.size(), vocab, in_quotes(first->spelling));
  spec.tokens.erase(first, spec.tokens.end());
  std::erase_if(spec.added, [&](const AddedToken& token) { return static_cast<size_t>(token.id) >= vocab; });
  std::erase_if(spec.aliases, [&](const auto& alias) { return static_cast<size_t>(alias.second) >= vocab; });
}

}  // namespace

TokenizerSpec read_hf_tokenizer_file(const fs::path& file) {
  TokenizerSpec spec = read_spec(file);
  apply_files_beside(file.parent_path(), spec);
  if (!has_control_tokens(spec) && spec.tokens.size() == kLlama3TextTokens) add_llama3_control_tokens(spec);
  return spec;
}

std::optional<TokenizerSpec> read_hf_tokenizer(const fs::path& folder) {
  for (const char* name : {"tokenizer.json", "tokenizer.model", "tekken.json"})
    if (fs::exists(folder / name)) return read_hf_tokenizer_file(folder / name);
  // Mistral's own name theirs after the version: tokenizer.model.v3,
  // mistral_instruct_tokenizer_240323.model.v3.
  std::vector<fs::path> versioned;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().filename().string().find(".model.v") != std::string::npos)
      versioned.push_back(entry.path());
  if (versioned.empty()) {
    auto spec = read_vocabulary_files(folder);
    if (spec) apply_files_beside(folder, *spec);
    return spec;
  }
  return read_hf_tokenizer_file(*std::max_element(versioned.begin(), versioned.end()));
}

std::unique_ptr<const Tokenizer> load_hf_tokenizer(const fs::path& folder) {
  auto spec = read_hf_tokenizer(folder);
  return spec ? Tokenizer::make(std::move(*spec)) : nullptr;
}

std::unique_ptr<const Tokenizer> load_hf_tokenizer(const fs::path& folder, int vocab) {
  auto spec = read_hf_tokenizer(folder);
  if (!spec) return nullptr;
  leave_out_past(*spec, static_cast<size_t>(vocab));
  return Tokenizer::make(std::move(*spec));
}

}  // namespace ferrum
