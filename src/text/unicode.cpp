#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/utf8.h"
#include "text/unicode_scripts.h"

namespace ferrum::unicode {
namespace {

utf8proc_category_t category(char32_t c) {
  return static_cast<utf8proc_category_t>(utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->category);
}

bool is_ascii_punctuation(char32_t c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

bool is_in_unicode_9(char32_t c) { return splitting_script(c) != kNoScript; }

constexpr bool is_composed(Form form) { return form == Form::kNfc || form == Form::kNfkc; }
constexpr bool is_compatible(Form form) { return form == Form::kNfkc || form == Form::kNfkd; }

constexpr uint16_t kNone = UINT16_MAX;

// Whether `c` could combine with, or be reordered before, a character in front of it.
bool attaches(char32_t c) {
  const utf8proc_property_t* p = utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
  if (p->combining_class != 0) return true;
  if (p->comb_index != kNone && p->comb_index >= 0x8000) return true;
  return (c >= 0x1160 && c <= 0x11FF);  // Hangul vowels and final consonants
}

bool decomposes(char32_t c) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->decomp_seqindex != kNone ||
         (c >= 0xAC00 && c <= 0xD7A3);
}

std::array<utf8proc_int32_t, 32> decomposition(char32_t c, Form form, size_t& size) {
  const auto options =
      static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (is_compatible(form) ? UTF8PROC_COMPAT : 0));
  std::array<utf8proc_int32_t, 32> out{};  // the longest decomposition has 18
  int boundary = UTF8PROC_BOUNDCLASS_START;
  const auto n =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), out.data(), out.size(), options, &boundary);
  if (n <= 0 || n > static_cast<utf8proc_ssize_t>(out.size())) {
    out[0] = static_cast<utf8proc_int32_t>(c);
    size = 1;
  } else {
    size = static_cast<size_t>(n);
  }
  return out;
}

// The same of the normal form of `c`: halfwidth sound marks and Hangul letters attach once widened.
bool may_attach(char32_t c, Form form) {
  if (attaches(c)) return true;
  if (!is_compatible(form) || !decomposes(c)) return false;
  size_t size = 0;
  return attaches(static_cast<char32_t>(decomposition(c, form, size)[0]));
}

class PartNormalizer {
 public:
  explicit PartNormalizer(Form form) : form_(form) {}

  std::string_view operator()(std::string_view part) {
    points_.clear();
    for (size_t i = 0; i < part.size();) {
      const utf8::Decoded d = utf8::decode(part.substr(i));
      decompose(d.code_point);
      i += d.size;
    }
    put_marks_in_order();
    if (is_composed(form_)) {
      const auto n =
          utf8proc_normalize_utf32(points_.data(), static_cast<utf8proc_ssize_t>(points_.size()),
                                   static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
      points_.resize(static_cast<size_t>(std::max<utf8proc_ssize_t>(n, 0)));
    }
    text_.clear();
    for (const utf8proc_int32_t c : points_) utf8::append(text_, static_cast<char32_t>(c));
    return text_;
  }

 private:
  void decompose(char32_t c) {
    size_t size = 0;
    const auto out = decomposition(c, form_, size);
    points_.insert(points_.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size));
  }

  // utf8proc's own ordering is quadratic in the length of a run of marks, so each run is sorted here.
  void put_marks_in_order() {
    const auto order = [](utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; };
    for (size_t i = 0; i < points_.size();) {
      if (order(points_[i]) == 0) {
        ++i;
        continue;
      }
      size_t end = i + 1;
      while (end < points_.size() && order(points_[end]) != 0) ++end;
      if (end - i > 1)
        std::stable_sort(points_.begin() + static_cast<std::ptrdiff_t>(i),
                         points_.begin() + static_cast<std::ptrdiff_t>(end),
                         [&](auto a, auto b) { return order(a) < order(b); });
      i = end;
    }
  }

  Form form_;
  std::vector<utf8proc_int32_t> points_;
  std::string text_;
};

}  // namespace

bool is_white_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0D);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_number(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  const auto k = category(c);
  return k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_NO;
}

bool is_decimal_digit(char32_t c) {
  return c < 0x80 ? c >= '0' && c <= '9' : category(c) == UTF8PROC_CATEGORY_ND;
}

bool is_punctuation(char32_t c) {
  if (c < 0x80) return is_ascii_punctuation(c);
  const auto k = category(c);
  return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO && is_in_unicode_9(c);
}

bool is_mark(char32_t c) {
  if (c < 0x80) return false;
  const auto k = category(c);
  return (k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_MC || k == UTF8PROC_CATEGORY_ME) &&
         is_in_unicode_9(c);
}

bool is_nonspacing_mark(char32_t c) {
  return c >= 0x80 && category(c) == UTF8PROC_CATEGORY_MN && is_in_unicode_9(c);
}

bool is_control(char32_t c) {
  if (c < 0x80) return c < 0x20 || c == 0x7F;
  const auto k = category(c);
  return k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_CO;
}

bool is_word(char32_t c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  if (is_joiner(c)) return true;
  const auto k = category(c);
  if (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_ND) return true;  // L*, M*, Nd
  return k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_PC || (c >= 0x24B6 && c <= 0x24E9) ||
         (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
}

void append_lowercase(std::string& out, char32_t c) {
  if (c == 0x130) {  // the only character whose lower case is two: i and a dot above
    out += "i\xCC\x87";
    return;
  }
  utf8::append(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
}

bool is_ascii(std::string_view text) {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    if (word & 0x8080808080808080u) return false;
  }
  for (; i < text.size(); ++i)
    if (static_cast<unsigned char>(text[i]) >= 0x80) return false;
  return true;
}

void for_each_normalized(std::string_view text, Form form,
                         const std::function<void(size_t begin, size_t end, std::string_view normal)>& part) {
  PartNormalizer normalize(form);
  // ASCII and other characters that cannot combine are handed over unchanged, in long stretches.
  size_t kept = 0;
  const auto keep_until = [&](size_t end) {
    if (end > kept) part(kept, end, text.substr(kept, end - kept));
  };
  size_t i = 0;
  while (i < text.size()) {
    const utf8::Decoded first = utf8::decode(text.substr(i));
    size_t end = i + first.size;
    bool alone = true;
    while (first.valid && end < text.size()) {
      if (static_cast<unsigned char>(text[end]) < 0x80) break;  // no ASCII character attaches to anything
      const utf8::Decoded next = utf8::decode(text.substr(end));
      if (!next.valid || !may_attach(next.code_point, form)) break;
      alone = false;
      end += next.size;
    }
    if (!alone || (first.valid && first.code_point >= 0x80 && decomposes(first.code_point))) {
      keep_until(i);
      part(i, end, normalize(text.substr(i, end - i)));
      kept = end;
    }
    i = end;
  }
  keep_until(text.size());
}

bool is_grapheme_break(char32_t before, char32_t after, int& state) {
  utf8proc_int32_t s = state;
  const bool broken = utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(before),
                                                       static_cast<utf8proc_int32_t>(after), &s);
  state = s;
  return broken;
}

}  // namespace ferrum::unicode
