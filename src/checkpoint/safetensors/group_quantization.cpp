#include "checkpoint/safetensors/group_quantization.h"

#include <string>

#include "base/ascii.h"
#include "base/error.h"
#include "base/mapped_file.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

constexpr int kBits = 4;
constexpr int kSmallestGroup = 32;  // of the columns that kernels take together

class Reader {
 public:
  Reader(const JsonView& fields, std::string_view method) : in_(fields), method_(method) {}

  GroupQuantization read() {
    method_ = to_lower(in_.find_string("quant_method").value_or(method_));
    if (method_ == "gptq") {
      read_gptq();
    } else if (method_ == "awq") {
      read_awq();
    } else if (method_ == "auto-round" || method_ == "autoround" || method_ == "intel/auto-round") {
      read_auto_round();
    } else {
      fail(ErrorCode::kUnsupported,
           "{}: weights quantised by {}; of safetensors files Ferrum reads F32, F16, BF16, FP8 (E4M3), and "
           "GPTQ "
           "and AWQ of {} bits",
           in_.place("quant_method"), in_quotes(method_.empty() ? "an unnamed method" : method_), kBits);
    }
    check_bits();
    read_group_size();
    q_.has_exceptions = in_.find("dynamic").has_value() || in_.find("extra_config").has_value();
    return q_;
  }

 private:
  void read_gptq() {
    const std::string format = text_of({"checkpoint_format", "format"}, "gptq");
    if (format != "gptq" && format != "gptq_v2") refuse_layout(format, "'gptq' and 'gptq_v2'");
    if (in_.find_boolean("is_marlin_format").value_or(false)) refuse_layout("marlin", "'gptq' and 'gptq_v2'");
    q_.layout = GroupLayout::kGptq;
    q_.added_to_zeros = format == "gptq" ? 1 : 0;
    q_.is_symmetric = in_.find_boolean("sym").value_or(false);
    q_.orders_columns = in_.find_boolean("desc_act").value_or(false);
    if (in_.find_boolean("static_groups").value_or(false)) q_.orders_columns = false;
  }

  void read_awq() {
    const std::string version = text_of({"version", "checkpoint_format", "format"}, "gemm");
    if (version != "gemm") refuse_layout(version, "'gemm'");
    const std::string backend = text_of({"backend"}, "autoawq");
    if (backend == "llm-awq") refuse_layout(backend, "AutoAWQ's");
    q_.layout = GroupLayout::kAwq;
    q_.is_symmetric = !in_.find_boolean("zero_point").value_or(true);
  }

  void read_auto_round() {
    const std::string packing = text_of({"packing_format"}, "auto_round:auto_gptq");
    q_.is_symmetric = in_.find_boolean("sym").value_or(true);
    if (packing == "auto_round:auto_gptq" || packing == "auto_gptq") {
      q_.added_to_zeros = 1;
    } else if (packing == "auto_round:auto_awq" || packing == "auto_awq") {
      q_.layout = GroupLayout::kAwq;
    } else if (packing != "auto_round" && packing != "auto_round:gptqmodel") {
      refuse_layout(packing, "'auto_round', 'auto_round:auto_gptq' and 'auto_round:auto_awq'");
    }
    const std::string type = text_of({"data_type"}, "int");
    if (type != "int")
      fail(ErrorCode::kUnsupported, "{} is {}; Ferrum reads 'int'", in_.place("data_type"), in_quotes(type));
  }

  void check_bits() const {
    const char* key = in_.contains("bits") ? "bits" : "w_bit";
    const int bits = in_.at(key).integer();
    if (bits != kBits)
      fail(ErrorCode::kUnsupported, "{} is {}; Ferrum reads {} weights of {} bits", in_.place(key), bits,
           name_of(q_.layout), kBits);
  }

  void read_group_size() {
    const char* key = in_.contains("group_size") ? "group_size" : "q_group_size";
    q_.group_size = in_.find_integer(key).value_or(0);
    if (!in_.find(key) || q_.group_size == -1) return;
    if (q_.group_size < 1)
      fail(ErrorCode::kBadConfig, "{} is {}, neither a number of columns nor -1 for all of a row",
           in_.place(key), q_.group_size);
    if (q_.group_size % kSmallestGroup != 0)
      fail(ErrorCode::kUnsupported, "{} is {}; Ferrum reads groups of {} columns and multiples, and -1",
           in_.place(key), q_.group_size, kSmallestGroup);
  }

  // The first of the members that is there, in lower case.
  std::string text_of(std::initializer_list<const char*> keys, std::string fallback) {
    for (const char* key : keys)
      if (auto text = in_.find_string(key)) {
        layout_key_ = key;
        return to_lower(*text);
      }
    return fallback;
  }

  [[noreturn]] void refuse_layout(std::string_view layout, std::string_view read) const {
    fail(ErrorCode::kUnsupported, "{}: the layout {}; of {} Ferrum reads {}", in_.place(layout_key_),
         in_quotes(layout), in_quotes(method_), read);
  }

  const JsonView& in_;
  std::string method_;
  const char* layout_key_ = "quant_method";
  GroupQuantization q_;
};

}  // namespace

GroupQuantization parse_group_quantization(const JsonView& fields, std::string_view method) {
  return Reader(fields, method).read();
}

std::optional<GroupQuantization> read_group_quantization(const fs::path& folder) {
  struct Known {
    const char* file;
    const char* method;
  };
  for (const auto& [file, method] : {Known{"quantize_config.json", "gptq"}, Known{"quant_config.json", "awq"},
                                     Known{"quantization_config.json", "auto-round"}}) {
    const fs::path path = folder / file;
    if (!fs::exists(path)) continue;
    const std::string source = path.string();
    const Json document = parse_json(MappedFile::open(path)->text(), source,
                                     {.max_bytes = size_t{16} << 20, .non_finite = NonFinite::kRead});
    return parse_group_quantization(JsonView(document, source), method);
  }
  return std::nullopt;
}

}  // namespace ferrum
