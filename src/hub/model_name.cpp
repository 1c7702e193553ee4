#include "hub/model_name.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "base/error.h"
#include "base/numbers.h"
#include "base/utf8.h"

namespace ferrum::hub {
namespace {

constexpr size_t kMaxRepo = 96;
constexpr size_t kMaxRevision = 255;
constexpr size_t kMaxFile = 1024;
constexpr size_t kMaxFilePart = 255;  // NAME_MAX
constexpr std::string_view kGguf = ".gguf";

bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::toupper(c); });
  return out;
}

bool is_repo_part(std::string_view part) {
  const auto is_end = [](char c) { return is_alnum(c) || c == '_'; };
  return !part.empty() && is_end(part.front()) && is_end(part.back()) &&
         std::all_of(part.begin(), part.end(),
                     [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

// Excludes characters that are invisible on a terminal or special to a file system.
bool is_plain(std::string_view text) {
  return utf8::is_valid(text) && std::none_of(text.begin(), text.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte < 0x20 || byte == 0x7f || c == '\\';
         });
}

// Whether each part between slashes is a name: not empty, "." or "..".
bool has_named_parts(std::string_view path) {
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == ".." || part.size() > kMaxFilePart) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  fail(ErrorCode::kBadArgument,
       "{} is not a model name: {}; names look like org/model, org/model:Q4_K_M or "
       "org/model@revision:file.gguf",
       in_quotes(text), why);
}

// The rest of a type after its first letters: "4_K_M" of "4_K_M.gguf".
bool is_type_tail(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '_'; });
}

// `text` in upper case.
bool is_plain_type(std::string_view text) {
  constexpr std::array<std::string_view, 8> kWhole = {"F16",  "F32",  "F64",   "BF16",
                                                      "FP16", "FP32", "MXFP4", "MXFP4_MOE"};
  if (std::find(kWhole.begin(), kWhole.end(), text) != kWhole.end()) return true;
  for (const std::string_view prefix : {"IQ", "TQ", "Q"})
    if (text.starts_with(prefix)) {
      text.remove_prefix(prefix.size());
      return text.size() >= 2 && is_digit(text[0]) && text[1] == '_' && is_type_tail(text) &&
             text.back() != '_';
    }
  return false;
}

std::string canonical(std::string_view type) {
  return type == "FP16" ? "F16" : type == "FP32" ? "F32" : std::string(type);
}

std::optional<int> five_digits(std::string_view text) {
  return text.size() == 5 && is_digit(text[0]) ? whole_number<int>(text) : std::nullopt;
}

}  // namespace

bool is_repo(std::string_view text) {
  if (text.size() > kMaxRepo || text.find("--") != text.npos || text.find("..") != text.npos) return false;
  const size_t slash = text.find('/');
  if (slash == text.npos) return is_repo_part(text);
  return is_repo_part(text.substr(0, slash)) && is_repo_part(text.substr(slash + 1));
}

bool is_commit(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool is_revision(std::string_view text) {
  return text.size() <= kMaxRevision && is_plain(text) && has_named_parts(text) &&
         text.find_first_of(" ~^:?*[") == text.npos;  // the rules of git-check-ref-format(1)
}

bool is_safe_file(std::string_view name) {
  return name.size() <= kMaxFile && is_plain(name) && has_named_parts(name);
}

void require_safe_file(std::string_view name, std::string_view repo) {
  if (!is_safe_file(name))
    fail(ErrorCode::kBadFile, "{} offers a file named {}, which is not safe to write: refused", repo,
         in_quotes(name));
}

ModelName parse_model_name(std::string_view text) {
  ModelName name;
  const size_t colon = text.find(':');
  std::string_view repo = text.substr(0, colon);
  if (const size_t at = repo.find('@'); at != repo.npos) {
    name.revision = std::string(repo.substr(at + 1));
    if (!is_revision(name.revision))
      refuse(text, fmt::format("{} is not a revision", in_quotes(name.revision)));
    repo = repo.substr(0, at);
  }
  if (!is_repo(repo)) refuse(text, fmt::format("{} is not a repository", in_quotes(repo)));
  name.repo = std::string(repo);
  if (colon == text.npos) return name;
  const std::string_view chosen = text.substr(colon + 1);
  if (is_type(chosen)) {
    name.type = upper(chosen) == upper(kSafetensors) ? std::string(kSafetensors) : canonical(upper(chosen));
  } else if (is_safe_file(chosen) && chosen.find('.') != chosen.npos) {
    name.file = std::string(chosen);
  } else {
    refuse(text, fmt::format("{} is neither a type such as Q4_K_M nor a file", in_quotes(chosen)));
  }
  return name;
}

std::string to_string(const ModelName& name) {
  std::string text = name.repo;
  if (name.revision != kDefaultRevision) text += "@" + name.revision;
  if (!name.type.empty() || !name.file.empty()) text += ":" + (name.type.empty() ? name.file : name.type);
  return text;
}

bool is_gguf(std::string_view file) { return file.size() > kGguf.size() && file.ends_with(kGguf); }

SplitName split_name_of(std::string_view file) {
  std::string_view stem = file;
  if (is_gguf(file)) stem.remove_suffix(kGguf.size());
  constexpr std::string_view kTail = "-00001-of-00003";
  if (stem.size() > kTail.size()) {
    const std::string_view tail = stem.substr(stem.size() - kTail.size());
    const auto part = five_digits(tail.substr(1, 5));
    const auto parts = five_digits(tail.substr(10, 5));
    if (tail[0] == '-' && tail.substr(6, 4) == "-of-" && part && parts && *part >= 1 && *part <= *parts)
      return {std::string(stem.substr(0, stem.size() - kTail.size())), *part, *parts};
  }
  return {std::string(stem), 1, 1};
}

bool is_type(std::string_view text) {
  const std::string type = upper(text);
  if (type == upper(kSafetensors)) return true;
  return is_plain_type(std::string_view(type).starts_with("UD-") ? std::string_view(type).substr(3) : type);
}

// The last word that is a type; words are separated by dots and dashes.
std::string type_of_file(std::string_view file) {
  const std::string stem = upper(split_name_of(file.substr(file.rfind('/') + 1)).stem);
  for (std::string_view rest = stem; !rest.empty();) {
    const size_t before = rest.find_last_of("-.");
    const std::string_view word = rest.substr(before + 1);  // the whole text if there is no separator
    rest = rest.substr(0, before == rest.npos ? 0 : before);
    if (!is_plain_type(word)) continue;
    const bool dynamic = rest == "UD" || rest.ends_with("-UD") || rest.ends_with(".UD");
    return (dynamic ? "UD-" : "") + canonical(word);
  }
  return {};
}

}  // namespace ferrum::hub
