#include "checkpoint/hf_files.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "checkpoint/hf_config.h"
#include "checkpoint/json_fields.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

std::optional<float> number(const JsonFields& fields, std::string_view key) {
  const auto value = fields.number(key);
  return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
}

// One template, or a list of {"name": …, "template": …}.
std::optional<std::string> chat_template_in(const fs::path& path) {
  const Json document = parse_json(MappedFile::open(path)->text(), path.string());
  const JsonFields fields(document, path.string());
  const auto it = document.find("chat_template");
  if (it == document.end() || !it->is_array()) return fields.string("chat_template");
  for (const Json& entry : *it) {
    const JsonFields named(entry, path.string(), "chat_template.");
    if (named.string("name") == "default") return named.string("template");
  }
  return std::nullopt;
}

}  // namespace

GenerationDefaults hf_generation(const fs::path& folder, int vocab) {
  const fs::path path = folder / "generation_config.json";
  GenerationDefaults defaults;
  if (!fs::exists(path)) return defaults;
  const Json document = parse_json(MappedFile::open(path)->text(), path.string());
  const JsonFields fields(document, path.string());
  defaults.temperature = number(fields, "temperature");
  if (!fields.boolean("do_sample").value_or(true)) defaults.temperature = 0;
  defaults.top_p = number(fields, "top_p");
  defaults.min_p = number(fields, "min_p");
  defaults.repetition_penalty = number(fields, "repetition_penalty");
  defaults.top_k = fields.integer("top_k");
  defaults.stop_tokens = token_ids(fields, "eos_token_id", vocab);
  return defaults;
}

std::optional<std::string> hf_chat_template(const fs::path& folder) {
  if (const fs::path path = folder / "chat_template.jinja"; fs::exists(path))
    return std::string(MappedFile::open(path)->text());
  for (const char* name : {"chat_template.json", "tokenizer_config.json"})
    if (const fs::path path = folder / name; fs::exists(path))
      if (auto text = chat_template_in(path)) return text;
  return std::nullopt;
}

}  // namespace ferrum
