#include "checkpoint/safetensors/hf_files.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "checkpoint/json_view.h"
#include "checkpoint/safetensors/hf_config.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

// A recommendation that cannot be read is no reason to refuse the model.
std::optional<float> number(const JsonView& fields, std::string_view key) {
  const auto value = fields.find(key);
  if (!value) return std::nullopt;
  if (value->value().is_number()) return static_cast<float>(value->number());
  log::warn("{} is {}, expected a number; it is ignored", fields.place(key), value->value().type_name());
  return std::nullopt;
}

// generation_config.json; an empty object for a file that is none.
Json recommendations_in(const fs::path& path) {
  const std::string source = path.string();
  Json document;
  try {
    document = parse_json(MappedFile::open(path)->text(), source, kPythonJson);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kBadFile) throw;
    log::warn("{}; what it recommends is left out", e.what());
    return Json::object();
  }
  if (document.is_object()) return document;
  log::warn("{}: is {}, expected an object; what it recommends is left out", source, document.type_name());
  return Json::object();
}

// One template, or a list of {"name": …, "template": …}.
std::optional<std::string> chat_template_in(const fs::path& path) {
  const std::string source = path.string();
  const Json document = parse_json(MappedFile::open(path)->text(), source, kPythonJson);
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
  const Json document = recommendations_in(path);
  const JsonView fields(document, source);
  defaults.temperature = number(fields, "temperature");
  if (const auto sample = fields.find("do_sample"); sample && sample->value() == false)
    defaults.temperature = 0;
  defaults.top_p = number(fields, "top_p");
  defaults.min_p = number(fields, "min_p");
  defaults.repetition_penalty = number(fields, "repetition_penalty");
  defaults.top_k = number(fields, "top_k");
  defaults.source = source;
  defaults.stop_tokens = token_ids(fields, "eos_token_id", vocab);
  for (const char* key : {"bos_token_id", "pad_token_id"}) token_ids(fields, key, vocab);  // for the warnings
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
