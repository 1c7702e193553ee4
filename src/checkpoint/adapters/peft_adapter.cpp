// Adapters as PEFT saves them: https://huggingface.co/docs/peft/developer_guides/checkpoint
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/mapped_file.h"
#include "checkpoint/adapters/adapter_tensors.h"
#include "checkpoint/json_view.h"
#include "checkpoint/safetensors/safetensors.h"
#include "text/regex.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

// Methods and options that compute something else than scale · B A x. They are off where they are absent,
// null, false, 0, or empty.
constexpr std::string_view kMustBeOff[] = {"use_dora",          "use_qalora",
                                           "lora_bias",         "alora_invocation_tokens",
                                           "layer_replication", "trainable_token_indices",
                                           "use_bdlora",        "monteclora_config",
                                           "velora_config",     "kasa_config",
                                           "arrow_config"};
// Initialisations that change the base's weights as well.
constexpr std::string_view kChangeBase[] = {"pissa", "olora", "corda", "loftq"};

bool is_off(const Json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number()) return value == 0;
  return value.is_null() || value.empty();
}

class PeftConfig {
 public:
  explicit PeftConfig(const fs::path& path)
      : source_(path.string()), json_(parse_json(MappedFile::open(path)->text(), source_, kPythonJson)) {
    const JsonView in(json_, source_);
    if (!in.is_object()) in.refuse("is no object");
    if (const std::string type = in.string_or("peft_type", "LORA"); type != "LORA")
      fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs LORA", in.place("peft_type"), in_quotes(type));
    for (const std::string_view key : kMustBeOff)
      if (const auto value = in.find(key); value && !is_off(value->value()))
        fail(ErrorCode::kUnsupported, "{} is set, which Ferrum does not run", in.place(key));
    if (const std::string bias = in.string_or("bias", "none"); bias != "none")
      fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs adapters without biases", in.place("bias"),
           in_quotes(bias));
    if (const auto init = in.find("init_lora_weights"); init && init->is_string())
      for (const std::string_view name : kChangeBase)
        if (init->string().starts_with(name))
          fail(ErrorCode::kUnsupported, "{} is {}, which changes the base model's weights as well",
               in.place("init_lora_weights"), in_quotes(init->string()));
    alpha_ = in.find_number("lora_alpha").value_or(8);
    by_root_ = in.boolean_or("use_rslora", false);
    if (const auto patterns = in.find("alpha_pattern"); patterns && patterns->is_object())
      for (const auto& [pattern, value] : patterns->value().items()) {
        if (!value.is_number()) patterns->at(pattern).number();  // an Error that names it
        patterns_.push_back(
            {Regex(fmt::format("\\A(.*\\.)?({})\\z", pattern), source_), value.get<double>()});
      }
  }

  // alpha / rank, or alpha / √rank (rsLoRA, arXiv 2312.03732), of the module
  float scale(std::string_view module, int64_t rank) const {
    double alpha = alpha_;
    for (const auto& [pattern, value] : patterns_) {
      bool matches = false;
      pattern.for_each_match(module, [&](size_t, size_t) { matches = true; });
      if (!matches) continue;
      alpha = value;
      break;
    }
    const auto r = static_cast<double>(rank);
    return static_cast<float>(alpha / (by_root_ ? std::sqrt(r) : r));
  }

 private:
  std::string source_;
  Json json_;
  double alpha_ = 8;
  bool by_root_ = false;
  std::vector<std::pair<Regex, double>> patterns_;
};

// What a tensor's name says: "base_model.model." + module + suffix.
enum class Part : uint8_t { kA, kB, kWhole, kBase };  // kBase: a copy of the base's own
struct PartName {
  std::string module;
  Part part;
};

// Nothing for a part that Ferrum does not know.
std::optional<PartName> part_of(std::string_view name) {
  constexpr std::string_view kPrefix = "base_model.model.";
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  constexpr std::pair<std::string_view, Part> kMarks[] = {{".lora_A.", Part::kA},
                                                          {".lora_B.", Part::kB},
                                                          {".lora_embedding_A", Part::kA},
                                                          {".lora_embedding_B", Part::kB}};
  for (const auto& [mark, part] : kMarks) {
    const size_t at = name.find(mark);
    if (at == std::string_view::npos) continue;
    const bool is_table = mark.back() != '.';
    const std::string_view rest = name.substr(at + mark.size());  // "weight", or with the adapter's name
    const bool is_known =
        is_table ? rest.empty() || rest.front() == '.' : rest == "weight" || rest.ends_with(".weight");
    return is_known ? std::optional(PartName{std::string(name.substr(0, at)), part}) : std::nullopt;
  }
  if (name.find(".lora_") != std::string_view::npos || !name.ends_with(".weight")) return std::nullopt;
  name.remove_suffix(std::string_view(".weight").size());
  if (const size_t at = name.find(".modules_to_save"); at != std::string_view::npos)
    name = name.substr(0, at);
  constexpr std::string_view kBaseLayer = ".base_layer";
  if (!name.ends_with(kBaseLayer)) return PartName{std::string(name), Part::kWhole};
  return PartName{std::string(name.substr(0, name.size() - kBaseLayer.size())), Part::kBase};
}

struct Pair {
  std::optional<AdapterMatrix> a, b;
};

// Two parameters of one module (the experts') are wrapped one around the other, and the inner one's names
// have ".base_layer" for each wrapping.
constexpr std::string_view kInner = ".base_layer";

std::unique_ptr<SafetensorsFile> open_tensors(const fs::path& folder) {
  const fs::path path = folder / "adapter_model.safetensors";
  if (!fs::exists(path) && fs::exists(folder / "adapter_model.bin"))
    fail(ErrorCode::kUnsupported,
         "{}: adapter_model.bin is a pickle file, which may run code; save the adapter as safetensors",
         folder.string());
  return SafetensorsFile::open(path);
}

class PeftReader {
 public:
  PeftReader(const fs::path& folder, const Checkpoint& base)
      : config_(folder / "adapter_config.json"),
        file_(open_tensors(folder)),
        base_(base),
        builder_(folder.string(), Naming::kHuggingFace, base) {}

  Adapter read() {
    for (const SafetensorsEntry& entry : file_->entries()) take(entry);
    for (auto& [module, pair] : pairs_) {
      const AdapterMatrix* one = pair.a ? &*pair.a : &*pair.b;
      if (!pair.a || !pair.b)
        fail(ErrorCode::kBadFile, "{}: {} is without its partner", file_->source(), in_quotes(one->name));
      add(module, pair);
    }
    return builder_.finish();
  }

 private:
  void take(const SafetensorsEntry& entry) {
    const auto name = part_of(entry.name);
    if (!name)
      fail(ErrorCode::kUnsupported, "{}: {} is no part of a LoRA adapter that Ferrum knows", file_->source(),
           in_quotes(entry.name));
    if (name->part == Part::kBase) return;
    if (name->part == Part::kWhole && entry.shape.size() < 2) return require_same(entry, name->module);
    AdapterMatrix matrix = adapter_matrix(file_->tensor(entry), file_->source());
    switch (name->part) {
      case Part::kA:
        pairs_[name->module].a = std::move(matrix);
        return;
      case Part::kB:
        pairs_[name->module].b = std::move(matrix);
        return;
      case Part::kBase:
        return;
      case Part::kWhole:  // PEFT also saves matrices as they were, beside their changes
        if (const auto key = builder_.key_of(name->module); key && !builder_.is_of_base(*key, matrix))
          builder_.replace(*key, std::move(matrix));
        return;
    }
  }

  // A norm that was trained whole (modules_to_save) is no product; one that is as the base's says nothing.
  void require_same(const SafetensorsEntry& entry, const std::string& module) {
    const auto key = builder_.key_of(module);
    if (!key) return;
    const HostTensor* own = base_.find(*key);
    if (own == nullptr || decoded(*own) != decoded(file_->tensor(entry)))
      fail(ErrorCode::kUnsupported,
           "{}: the adapter stores {} whole (modules_to_save); Ferrum replaces the embedding and the head "
           "only",
           file_->source(), in_quotes(entry.name));
  }

  void add(std::string module, Pair& pair) {
    while (module.ends_with(kInner)) module.resize(module.size() - kInner.size());
    if (module.ends_with(".experts")) return add_experts(module, pair);
    builder_.add_named(module, *pair.a, *pair.b, [&](int64_t rank) { return config_.scale(module, rank); });
  }

  // The shapes of a pair say which of the two parameters it belongs to.
  void add_experts(const std::string& module, Pair& pair) {
    for (const std::string_view parameter : {".gate_up_proj", ".up_proj", ".down_proj"}) {
      const std::string name = module + std::string(parameter);
      const auto key = base_.model().architecture->tensor_names().parse(Naming::kHuggingFace, name);
      if (!key || key->expert >= 0) continue;
      const AdapterBuilder::Shape shape = builder_.shape_of(*key, name);
      if (pair.a->cols != shape.cols || pair.b->rows != shape.rows || taken_.contains(name)) continue;
      taken_.insert(name);
      const float scale = config_.scale(name, pair.a->rows / std::max<int64_t>(shape.experts, 1));
      return builder_.add_experts(*key, *pair.a, builder_.expert_rows(name, std::move(*pair.b)), scale);
    }
    fail(ErrorCode::kBadConfig, "{}: {} [{}, {}] fits no matrices of the base's experts", file_->source(),
         in_quotes(pair.a->name), pair.a->rows, pair.a->cols);
  }

  PeftConfig config_;
  std::unique_ptr<SafetensorsFile> file_;
  const Checkpoint& base_;
  AdapterBuilder builder_;
  std::map<std::string, Pair> pairs_;
  std::set<std::string> taken_;
};

}  // namespace

Adapter read_peft_adapter(const fs::path& folder, const Checkpoint& base) {
  return PeftReader(folder, base).read();
}

}  // namespace ferrum
