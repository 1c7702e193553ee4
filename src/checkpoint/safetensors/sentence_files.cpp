#include "checkpoint/safetensors/sentence_files.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "checkpoint/json_view.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

using Function = TextLayer::Function;

// A file of JSON, with what messages call it.
struct Document {
  std::string source;
  Json json;

  JsonView view() const { return {json, source}; }
};

std::optional<Document> find_document(const fs::path& path) {
  if (!fs::exists(path)) return std::nullopt;
  const std::string source = path.string();
  return Document{source, parse_json(MappedFile::open(path)->text(), source,
                                     {.max_bytes = size_t{16} << 20, .non_finite = NonFinite::kRead})};
}

Document document(const fs::path& path) {
  auto found = find_document(path);
  if (!found) fail(ErrorCode::kNotFound, "{}: no such file, though modules.json names it", path.string());
  return *std::move(found);
}

// "sentence_transformers.models.Pooling", "sentence_transformers.models.pooling.Pooling": Pooling
std::string_view last_word(std::string_view path) {
  const size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

struct NamedPooling {
  std::string_view mode;   // in "pooling_mode"
  std::string_view field;  // of older files
  TextPooling pooling;
};
// In the order in which their vectors are joined.
constexpr std::array kPoolings = {
    NamedPooling{"cls", "pooling_mode_cls_token", TextPooling::kFirst},
    NamedPooling{"max", "pooling_mode_max_tokens", TextPooling::kMax},
    NamedPooling{"mean", "pooling_mode_mean_tokens", TextPooling::kMean},
    NamedPooling{"mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", TextPooling::kMeanOfRoot},
    NamedPooling{"weightedmean", "pooling_mode_weightedmean_tokens", TextPooling::kWeightedMean},
    NamedPooling{"lasttoken", "pooling_mode_lasttoken", TextPooling::kLast},
};

void read_pooling(const JsonView& in, TextHeadDescription& head) {
  head.pools_prompt = in.boolean_or("include_prompt", true);
  std::vector<std::string> modes;
  if (const auto mode = in.find("pooling_mode")) {
    modes = *in.find_strings("pooling_mode");
  } else {
    for (const NamedPooling& p : kPoolings)
      if (in.boolean_or(p.field, false)) modes.emplace_back(p.mode);
    if (modes.empty()) modes = {"mean"};
  }
  for (const std::string& mode : modes) {
    const auto found = std::ranges::find(kPoolings, mode, &NamedPooling::mode);
    if (found == kPoolings.end())
      fail(ErrorCode::kUnsupported,
           "{} is {}; Ferrum runs cls, max, mean, mean_sqrt_len_tokens, weightedmean and lasttoken",
           in.place("pooling_mode"), in_quotes(mode));
    head.pooling.push_back(found->pooling);
  }
  if (!head.pools_prompt && std::ranges::count(head.pooling, TextPooling::kWeightedMean) > 0)
    fail(ErrorCode::kUnsupported, "{} is false; Ferrum runs weightedmean over the prompt as well",
         in.place("include_prompt"));
  if (head.pooling.empty()) in.at("pooling_mode").refuse("names no mode");
}

Function function_named(const JsonView& in) {
  constexpr std::array<std::pair<std::string_view, Function>, 4> kFunctions = {{{"Identity", Function::kNone},
                                                                                {"Tanh", Function::kTanh},
                                                                                {"SiLU", Function::kSilu},
                                                                                {"GELU", Function::kGelu}}};
  const std::string name = in.string_or("activation_function", "torch.nn.modules.activation.Tanh");
  for (const auto& [word, function] : kFunctions)
    if (last_word(name) == word) return function;
  fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs Identity, Tanh, SiLU and GELU",
       in.place("activation_function"), in_quotes(name));
}

// The number of a layer's tensors: GGUF files count the modules from the pooling's.
int number_of(const TextHeadDescription& head) { return static_cast<int>(head.layers.size()) + 2; }

void read_dense(const fs::path& folder, SentenceFiles& files) {
  const Document config = document(folder / "config.json");
  const JsonView in = config.view();
  constexpr std::string_view kInput = "module_input_name", kWhole = "sentence_embedding";
  if (const std::string input = in.string_or(kInput, kWhole); input != kWhole)
    fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs Dense modules behind the pooling", in.place(kInput),
         in_quotes(input));
  files.head.layers.push_back({.weight = {TensorRole::kTextModule, number_of(files.head)},
                               .norm = {},
                               .in = in.at("in_features").integer(),
                               .out = in.at("out_features").integer(),
                               .function = function_named(in)});
  if (!fs::exists(folder / "model.safetensors"))
    fail(ErrorCode::kNotFound, "{}: no model.safetensors; Ferrum reads the weights of a module from it",
         folder.string());
  files.layers.push_back(SafetensorsFile::open(folder / "model.safetensors"));
}

void read_judges(const JsonView& in, SentenceFiles& files) {
  constexpr int kMostTokens = 1 << 30;
  files.judges = {static_cast<TokenId>(in.at("true_token_id").integer(0, kMostTokens))};
  if (const auto no = in.find("false_token_id"))
    files.judges.push_back(static_cast<TokenId>(no->integer(0, kMostTokens)));
}

// A path within the folder, as a name that a file of it gives.
fs::path module_folder(const fs::path& folder, const JsonView& module) {
  const std::string path = module.string_or("path", "");
  const fs::path relative(path);
  const bool leaves =
      relative.is_absolute() || std::ranges::any_of(relative, [](const fs::path& p) { return p == ".."; });
  if (leaves) module.at("path").refuse("leads out of the model's folder");
  return path.empty() ? folder : folder / relative;
}

void read_module(const fs::path& folder, const JsonView& module, SentenceFiles& files) {
  const std::string type = module.at("type").string();
  const std::string_view name = last_word(type);
  const fs::path own = module_folder(folder, module);
  if (name == "Transformer" || name == "Dropout") return;
  if (files.head.normalizes && name != "Normalize")
    module.at("type").refuse("comes behind Normalize, which Ferrum runs last");
  if (name == "Pooling") {
    const Document config = document(own / "config.json");
    read_pooling(config.view(), files.head);
  } else if (name == "Dense") {
    read_dense(own, files);
  } else if (name == "Normalize") {
    files.head.normalizes = true;
  } else if (name == "LogitScore") {
    const Document config = document(own / "config.json");
    read_judges(config.view(), files);
  } else {
    fail(ErrorCode::kUnsupported,
         "{} is {}; Ferrum runs Transformer, Pooling, Dense, Normalize and LogitScore", module.place("type"),
         in_quotes(type));
  }
}

void read_prompts(const fs::path& folder, TextHeadDescription& head) {
  const auto config = find_document(folder / "config_sentence_transformers.json");
  if (!config) return;
  const JsonView in = config->view();
  if (const auto prompts = in.find("prompts"); prompts && prompts->is_object())
    for (const auto& [name, text] : prompts->value().items())
      head.prompts.emplace_back(name, prompts->at(name).string());
  head.default_prompt = in.string_or("default_prompt_name", "");
}

// Numbers beyond any context, which tokenizers write where they know none, count as none.
int limit_of(const std::optional<Document>& file, std::string_view key) {
  if (!file) return 0;
  const double most = file->view().find_number(key).value_or(0);
  return most >= 1 && most < 1 << 28 ? static_cast<int>(most) : 0;
}

}  // namespace

SentenceFiles read_sentence_files(const fs::path& folder, int hidden, bool classifies) {
  SentenceFiles files;
  if (const auto modules = find_document(folder / "modules.json")) {
    const JsonView list = modules->view();
    if (!list.is_array()) list.refuse("must be a list of modules");
    files.present = true;
    for (size_t i = 0; i < list.size(); ++i) read_module(folder, list.element(i), files);
    if (files.head.pooling.empty() && files.judges.empty() && !classifies)
      list.refuse("has no Pooling, and Ferrum makes one vector of each text");
    if (!files.head.layers.empty() &&
        files.head.layers.front().in != hidden * static_cast<int>(files.head.pooling.size()))
      list.refuse(fmt::format("has a Dense module of {} numbers behind a pooling of {}",
                              files.head.layers.front().in, hidden * files.head.pooling.size()));
  }
  read_prompts(folder, files.head);
  const int own = limit_of(find_document(folder / "sentence_bert_config.json"), "max_seq_length");
  files.head.max_tokens =
      own > 0 ? own : limit_of(find_document(folder / "tokenizer_config.json"), "model_max_length");
  return files;
}

}  // namespace ferrum
