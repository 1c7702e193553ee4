#include "checkpoint/hf_files.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "checkpoint/hf_config.h"
#include "checkpoint/json_view.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

std::optional<float> number(const JsonView& fields, std::string_view key) {
  const auto value = fields.find_number(key);
  return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
}

// One template, or a list of {"name": …, "template": …}.
std::optional<std::string> chat_template_in(const fs::path& path) {
  const std::string source = path.string();
  const Json document = parse_json(MappedFile::open(path)->text(), source);
  const auto field = JsonView(document, source).find("chat_template");
  if (!field) return std::nullopt;
  if (!field->is_array()) return field->string();
  for (size_t i = 0; i < field->size(); ++i) {
    const JsonView named = field->element(i);
    if (named.at("name").string() == "default") return named.at("template").string();
  }
  return std::nullopt;
}

}  // namespace

GenerationDefaults hf_generation(const fs::path& folder, int vocab) {
  const fs::path path = folder / "generation_config.json";
  GenerationDefaults defaults;
  if (!fs::exists(path)) return defaults;
  const std::string source = path.string();
  const Json document = parse_json(MappedFile::open(path)->text(), source);
  const JsonView fields(document, source);
  defaults.temperature = number(fields, "temperature");
  if (!fields.find_boolean("do_sample").value_or(true)) defaults.temperature = 0;
  defaults.top_p = number(fields, "top_p");
  defaults.min_p = number(fields, "min_p");
  defaults.repetition_penalty = number(fields, "repetition_penalty");
  defaults.top_k = fields.find_integer("top_k");
  defaults.stop_tokens = token_ids(fields, "eos_token_id", vocab);
  validate(defaults, source);
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
