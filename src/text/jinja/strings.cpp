#include "text/jinja/strings.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/utf8.h"

namespace ferrum::jinja {
namespace {

size_t ascii_prefix(std::string_view text) {
  size_t size = 0;
  uint64_t word = 0;
  for (; size + sizeof(word) <= text.size(); size += sizeof(word)) {
    std::memcpy(&word, text.data() + size, sizeof(word));
    if (word & 0x8080808080808080) break;
  }
  while (size < text.size() && static_cast<unsigned char>(text[size]) < 0x80) ++size;
  return size;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Characters that Unicode's SpecialCasing.txt maps to several code points, without conditions.
struct SpecialCase {
  char32_t from;
  std::string_view upper, title;
};
constexpr std::array<SpecialCase, 14> kSpecialCases = {{
    {U'ß', "SS", "Ss"},
    {U'ŉ', "ʼN", "ʼN"},
    {U'ǰ', "J̌", "J̌"},
    {U'ΐ', "Ϊ́", "Ϊ́"},
    {U'ΰ', "Ϋ́", "Ϋ́"},
    {U'և', "ԵՒ", "Եւ"},
    {U'ẖ', "H̱", "H̱"},
    {U'ﬀ', "FF", "Ff"},
    {U'ﬁ', "FI", "Fi"},
    {U'ﬂ', "FL", "Fl"},
    {U'ﬃ', "FFI", "Ffi"},
    {U'ﬄ', "FFL", "Ffl"},
    {U'ﬅ', "ST", "St"},
    {U'ﬆ', "ST", "St"},
}};

const SpecialCase* special_case(char32_t c) {
  if (c < 0xDF) return nullptr;
  const auto it =
      std::find_if(kSpecialCases.begin(), kSpecialCases.end(), [c](const auto& s) { return s.from == c; });
  return it == kSpecialCases.end() ? nullptr : &*it;
}

void append_upper(char32_t c, std::string& out) {
  if (const SpecialCase* special = special_case(c))
    out += special->upper;
  else
    utf8::append(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
}

void append_title(char32_t c, std::string& out) {
  if (const SpecialCase* special = special_case(c))
    out += special->title;
  else
    utf8::append(out, static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))));
}

void append_lower(char32_t c, std::string& out) {
  if (c == U'İ')
    out += "i̇";
  else
    utf8::append(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
}

bool is_cased(char32_t c) {
  const auto code = static_cast<utf8proc_int32_t>(c);
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  const utf8proc_category_t category = utf8proc_category(code);
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
         category == UTF8PROC_CATEGORY_LT || utf8proc_toupper(code) != code || utf8proc_tolower(code) != code;
}

// A capital sigma at the end of a word becomes a final one in lower case.
bool ends_word(std::string_view rest) { return rest.empty() || !is_cased(utf8::decode(rest).code_point); }

}  // namespace

size_t count_code_points(std::string_view text) {
  // A malformed byte counts as one code point, so text beyond ASCII has to be decoded.
  size_t count = 0;
  while (!text.empty()) {
    const size_t ascii = ascii_prefix(text);
    count += ascii;
    text.remove_prefix(ascii);
    if (text.empty()) break;
    text.remove_prefix(code_point_size(text));
    ++count;
  }
  return count;
}

size_t code_point_size(std::string_view text) {
  return static_cast<unsigned char>(text[0]) < 0x80 ? 1 : utf8::decode(text).size;
}

size_t byte_of_code_point(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += code_point_size(text.substr(at));
  return at;
}

std::optional<size_t> byte_of_last_code_points(std::string_view text, size_t count) {
  size_t at = text.size();
  for (; count > 0; --count) {
    if (at == 0) return std::nullopt;
    size_t begin = at - 1;
    while (begin > 0 && at - begin < 4 && is_continuation(text[begin])) --begin;
    at = begin + code_point_size(text.substr(begin)) == at ? begin : at - 1;
  }
  return at;
}

bool is_space(char32_t c) {
  if (c < 0x80) return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_printable(char32_t c) {
  if (c < 0x80) return c >= 0x20 && c != 0x7F;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool is_alphanumeric(char32_t c) {
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
         (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

Text strip(Budget& budget, const Text& text, Side side, std::optional<std::string_view> characters) {
  std::string_view rest = text.view();
  const auto goes = [&](std::string_view code_point) {
    if (characters) return characters->find(code_point) != std::string_view::npos;
    const utf8::Decoded d = utf8::decode(code_point);
    return d.valid && is_space(d.code_point);
  };
  while (side != Side::kRight && !rest.empty()) {
    const size_t size = code_point_size(rest);
    if (!goes(rest.substr(0, size))) break;
    rest.remove_prefix(size);
  }
  while (side != Side::kLeft && !rest.empty()) {
    const size_t begin = *byte_of_last_code_points(rest, 1);
    if (!goes(rest.substr(begin))) break;
    rest = rest.substr(0, begin);
  }
  budget.walk(text.size() - rest.size());
  return text.slice(rest);
}

Text map_code_points(Budget& budget, const Text& text, const MapCodePoint& f) {
  budget.walk(text.size());
  TextBuilder out(budget);
  bool after_letter = false;
  std::string mapped;
  text.for_each_run([&](std::string_view run, Origin origin) {
    mapped.clear();
    while (!run.empty()) {
      const utf8::Decoded d = utf8::decode(run);
      if (d.valid)
        f(d.code_point, after_letter, mapped);
      else
        mapped += run[0];
      after_letter = d.valid && is_cased(d.code_point);
      run.remove_prefix(d.size);
    }
    out.append(mapped, origin);
  });
  return out.take();
}

Text to_upper(Budget& budget, const Text& text) {
  return map_code_points(budget, text, [](char32_t c, bool, std::string& out) { append_upper(c, out); });
}

Text to_lower(Budget& budget, const Text& text) {
  size_t at = 0;
  return map_code_points(budget, text, [&](char32_t c, bool after_letter, std::string& out) {
    std::string bytes;
    utf8::append(bytes, c);
    at = c == U'Σ' ? text.view().find(bytes, at) + bytes.size() : at;
    if (c == U'Σ' && after_letter && ends_word(text.view().substr(at)))
      out += "ς";
    else
      append_lower(c, out);
  });
}

Text to_title(Budget& budget, const Text& text) {
  return map_code_points(budget, text, [](char32_t c, bool after_letter, std::string& out) {
    if (after_letter)
      append_lower(c, out);
    else
      append_title(c, out);
  });
}

Text capitalize(Budget& budget, const Text& text) {
  bool first = true;
  return map_code_points(budget, text, [&first](char32_t c, bool, std::string& out) {
    if (first)
      append_title(c, out);
    else
      append_lower(c, out);
    first = false;
  });
}

Text swap_case(Budget& budget, const Text& text) {
  return map_code_points(budget, text, [](char32_t c, bool, std::string& out) {
    if (utf8proc_tolower(static_cast<utf8proc_int32_t>(c)) != static_cast<utf8proc_int32_t>(c))
      append_lower(c, out);
    else
      append_upper(c, out);
  });
}

Text case_fold(Budget& budget, const Text& text) {
  return map_code_points(budget, text, [](char32_t c, bool, std::string& out) {
    std::array<utf8proc_int32_t, 4> folded{};
    int boundary = 0;
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), folded.data(), folded.size(),
                                               UTF8PROC_CASEFOLD, &boundary);
    if (count < 0 || count > static_cast<utf8proc_ssize_t>(folded.size())) {
      utf8::append(out, c);
      return;
    }
    for (utf8proc_ssize_t i = 0; i < count; ++i)
      utf8::append(out, static_cast<char32_t>(folded[static_cast<size_t>(i)]));
  });
}

Text replace(Budget& budget, const Text& text, const Text& from, const Text& to, std::optional<size_t> most) {
  const std::string_view all = text.view();
  budget.scan(all.size());
  TextBuilder out(budget);
  size_t left = most.value_or(all.size() + 1);
  size_t at = 0;
  if (from.empty()) {  // Python inserts `to` before every code point and at the end
    while (left > 0) {
      budget.step();
      out.append(to);
      --left;
      if (at == all.size()) return out.take();
      const size_t size = code_point_size(all.substr(at));
      out.append(text.slice(at, size));
      at += size;
    }
    out.append(text.slice(at, all.size()));
    return out.take();
  }
  for (; left > 0; --left) {
    const size_t found = all.find(from.view(), at);
    if (found == std::string_view::npos) break;
    budget.step();
    out.append(text.slice(at, found - at));
    out.append(to);
    at = found + from.size();
  }
  if (at == 0) return text;
  out.append(text.slice(at, all.size()));
  return out.take();
}

Text html_escape(Budget& budget, const Text& text) {
  TextBuilder out(budget);
  text.for_each_run([&](std::string_view run, Origin origin) {
    std::string escaped;
    for (const char c : run) {
      switch (c) {
        case '&':
          escaped += "&amp;";
          break;
        case '<':
          escaped += "&lt;";
          break;
        case '>':
          escaped += "&gt;";
          break;
        case '\'':
          escaped += "&#39;";
          break;
        case '"':
          escaped += "&#34;";
          break;
        default:
          escaped += c;
      }
    }
    out.append(escaped, origin);
  });
  return out.take();
}

}  // namespace ferrum::jinja
