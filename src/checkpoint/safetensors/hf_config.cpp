#include "checkpoint/safetensors/hf_config.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/ascii.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "checkpoint/architecture.h"
#include "checkpoint/json_view.h"
#include "checkpoint/safetensors/hf_reader.h"
#include "checkpoint/safetensors/packed_tensors.h"

namespace ferrum {
namespace {

std::string supported() {
  std::string names;
  for (const Architecture* a : architectures())
    for (const HfName& hf : a->hf)
      if (!hf.class_name.empty()) names += fmt::format("{}{}", names.empty() ? "" : ", ", hf.class_name);
  return names;
}

struct Found {
  const Architecture* architecture;
  const HfName* name;
};

// Of those with the same model_type (code of its own may have BERT's) the one that has the class.
std::optional<Found> find(std::string_view model_type, std::string_view class_name) {
  for (const Architecture* a : architectures())
    for (const HfName& hf : a->hf)
      if (is_same_word(hf.model_type, model_type) && is_same_word(hf.class_name, class_name))
        return Found{a, &hf};
  for (const Architecture* a : architectures())
    for (const HfName& hf : a->hf)
      if (model_type.empty() ? is_same_word(hf.class_name, class_name)
                             : is_same_word(hf.model_type, model_type))
        return Found{a, &hf};
  return std::nullopt;
}

// model_type decides, as in transformers. Capitals differ between versions (LLaMAForCausalLM). A class with
// another head than those that are known (one that answers questions, or labels tokens) is refused.
void check_class(const JsonView& in, const Found& found, const std::string& class_name) {
  if (class_name.empty()) return;
  for (const HfName& hf : found.architecture->hf)
    if (is_same_word(class_name, hf.class_name)) return;
  const std::string lower = to_lower(class_name);
  if (lower.ends_with("model") || lower.ends_with("forsequenceclassification")) return;
  if (!lower.ends_with("forcausallm") && !lower.ends_with("forconditionalgeneration"))
    fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs {}", in.place("architectures"),
         in_quotes(class_name), supported());
  if (in.find("text_config")) return;  // the wrapping's class; the text model's type decides
  log::warn("{} is {}, but model_type is '{}': the model is read as {}", in.place("architectures"),
            in_quotes(class_name), found.name->model_type, found.name->class_name);
}

// What `architectures` says, or the class that a folder's own code has for AutoModel
// ("repository--file.Class").
std::string class_of(const JsonView& in) {
  if (const auto classes = in.find_strings("architectures"); classes && !classes->empty())
    return classes->front();
  const auto own = in.find("auto_map");
  const auto path = own && own->is_object() ? own->find("AutoModel") : std::nullopt;
  if (!path || !path->is_string()) return "";
  const std::string text = path->string();
  return text.substr(text.rfind('.') + 1);
}

// A multimodal wrapping names the type of its text model, unless it is the wrapping's own.
const Architecture& find_architecture(const JsonView& in) {
  const auto type = in.find_string("model_type");
  const std::string class_name = class_of(in);
  if (!type && class_name.empty()) in.at("model_type");  // an Error: it is not there
  std::optional<Found> found;
  if (const auto text = in.find("text_config"))
    if (const auto inner = text->find_string("model_type")) {
      found = find(*inner, "");
      if (!found)
        fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs {}", text->place("model_type"),
             in_quotes(*inner), supported());
    }
  if (!found) found = find(type.value_or(""), class_name);
  if (!found)
    fail(ErrorCode::kUnsupported, "{} is {}{}; Ferrum runs {}",
         in.place(type ? "model_type" : "architectures"), in_quotes(type ? *type : class_name),
         type && !class_name.empty() ? " (" + in_quotes(class_name) + ")" : "", supported());
  check_class(in, *found, class_name);
  return *found->architecture;
}

// MXFP4 is how some folders store their experts (mxfp4_tensors.h): nothing is to be known of it.
void read_quantization(const JsonView& fields, HfConfig& config) {
  if (fields.find_string("quant_method") == "mxfp4") return;
  config.is_packed = is_packed_quantization(fields);
  if (config.is_packed) return;
  config.fp8 = parse_fp8_quantization(fields);
  if (!config.fp8) config.quantization = parse_group_quantization(fields, "");
}

}  // namespace

std::vector<TokenId> token_ids(const JsonView& fields, std::string_view key, int vocab) {
  const auto field = fields.find(key);
  if (!field) return {};
  std::vector<TokenId> ids;
  const auto take = [&](const JsonView& entry) {
    const Json& value = entry.value();
    const double id = value.is_number() ? value.get<double>() : -1;
    if (id >= 0 && id < vocab && id == std::floor(id)) {
      ids.push_back(static_cast<TokenId>(id));
    } else if (!value.is_null()) {
      log::warn("{}: {} is {}, which names none of the {} tokens; it is ignored", entry.source(),
                entry.field(), in_quotes(value.dump(-1, ' ', false, Json::error_handler_t::replace)), vocab);
    }
  };
  if (!field->is_array()) {
    take(*field);
  } else {
    for (size_t i = 0; i < field->size(); ++i) take(field->element(i));
  }
  return ids;
}

HfConfig parse_hf_config(std::string_view json, const std::string& source) {
  Json document = parse_json(json, source, {.max_bytes = size_t{16} << 20, .non_finite = NonFinite::kRead});
  const JsonView fields(document, source);
  HfConfig config;
  const auto quantization = fields.find("quantization_config");
  const auto text = fields.find("text_config");
  if (quantization) read_quantization(*quantization, config);
  const Architecture& architecture = find_architecture(fields);
  if (architecture.respell_hf && document.is_object()) architecture.respell_hf(document);
  config.model = HfReader(text ? *text : fields, fields, architecture).read();
  validate(config.model, source);
  config.stop_tokens = token_ids(fields, "eos_token_id", config.model.vocab);
  if (config.stop_tokens.empty() && text)
    config.stop_tokens = token_ids(*text, "eos_token_id", config.model.vocab);
  // The tokenizer's files name these; here only ids that name no token matter, which are warned of.
  for (const char* key : {"bos_token_id", "pad_token_id"}) token_ids(fields, key, config.model.vocab);
  return config;
}

}  // namespace ferrum
