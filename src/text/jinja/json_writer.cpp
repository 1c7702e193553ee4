// json.dumps as called by the chat templates' `tojson`.
#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "text/jinja/failure.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"

namespace ferrum::jinja {
namespace {

class JsonWriter {
 public:
  JsonWriter(Runtime& runtime, TextBuilder& out, const JsonStyle& style)
      : runtime_(runtime), out_(out), style_(style) {}

  void write(const Value& value) {
    runtime_.budget.step();
    if (const Text* text = value.text()) {
      write_string(*text);
    } else if (const auto* items = value.items()) {
      write_items(*items);
    } else if (const Dict* dict = value.dict()) {
      write_dict(*dict);
    } else if (const std::optional<std::string> plain = plain_text(value)) {
      out_.append(*plain);
    } else {
      raise_error("Object of type {} is not JSON serializable", type_name(value));
    }
  }

 private:
  static std::optional<std::string> plain_text(const Value& value) {
    if (value.is_none()) return "null";
    if (const bool* b = value.get<bool>()) return *b ? "true" : "false";
    if (const int64_t* i = value.get<int64_t>()) return fmt::format("{}", *i);
    if (const double* d = value.get<double>()) {
      if (std::isnan(*d)) return "NaN";
      if (std::isinf(*d)) return *d < 0 ? "-Infinity" : "Infinity";
      return float_repr(*d);
    }
    return std::nullopt;
  }

  void write_string(const Text& text) {
    out_.append("\"");
    text.for_each_run([&](std::string_view run, Origin origin) { out_.append(escaped(run), origin); });
    out_.append("\"");
  }

  std::string escaped(std::string_view run) const {
    std::string result;
    result.reserve(run.size());
    while (!run.empty()) {
      const auto c = static_cast<unsigned char>(run[0]);
      if (c < 0x80 || style_.letters == JsonStyle::Letters::kUtf8) {
        append_byte(result, c);
        run.remove_prefix(1);
        continue;
      }
      const utf8::Decoded d = utf8::decode(run);
      append_utf16(result, d.code_point);
      run.remove_prefix(d.size);
    }
    return result;
  }

  static void append_byte(std::string& out, unsigned char c) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (c < 0x20)
          out += fmt::format("\\u{:04x}", c);
        else
          out += static_cast<char>(c);
    }
  }

  static void append_utf16(std::string& out, char32_t c) {
    if (c < 0x10000) {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
      return;
    }
    const auto rest = static_cast<uint32_t>(c) - 0x10000;
    out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
  }

  void write_items(const std::vector<Value>& items) {
    if (items.empty()) {
      out_.append("[]");
      return;
    }
    out_.append("[");
    ++level_;
    bool first = true;
    for (const Value& item : items) {
      begin_item(first);
      first = false;
      write(item);
    }
    --level_;
    new_line();
    out_.append("]");
  }

  void write_dict(const Dict& dict) {
    if (dict.entries().empty()) {
      out_.append("{}");
      return;
    }
    std::vector<const Dict::Entry*> entries;
    runtime_.budget.make(dict.entries().size(), sizeof(void*));
    for (const Dict::Entry& entry : dict.entries()) entries.push_back(&entry);
    if (style_.keys == JsonStyle::Keys::kSorted)
      std::stable_sort(entries.begin(), entries.end(), [&](const Dict::Entry* a, const Dict::Entry* b) {
        return less(runtime_, a->first, b->first);
      });
    out_.append("{");
    ++level_;
    bool first = true;
    for (const Dict::Entry* entry : entries) {
      begin_item(first);
      first = false;
      write_key(entry->first);
      out_.append(style_.key_separator);
      write(entry->second);
    }
    --level_;
    new_line();
    out_.append("}");
  }

  void write_key(const Value& key) {
    if (const Text* text = key.text()) {
      write_string(*text);
      return;
    }
    const std::optional<std::string> plain = plain_text(key);
    if (!plain) raise_error("keys must be str, int, float, bool or None, not {}", type_name(key));
    out_.append("\"");
    out_.append(*plain);
    out_.append("\"");
  }

  void begin_item(bool first) {
    if (!first) out_.append(style_.item_separator);
    new_line();
  }

  void new_line() {
    if (!style_.indent) return;
    out_.append("\n");
    out_.append(static_cast<size_t>(level_), *style_.indent);
  }

  Runtime& runtime_;
  TextBuilder& out_;
  const JsonStyle& style_;
  int level_ = 0;
};

}  // namespace

void append_json(Runtime& runtime, TextBuilder& out, const Value& value, const JsonStyle& style) {
  JsonWriter(runtime, out, style).write(value);
}

}  // namespace ferrum::jinja
