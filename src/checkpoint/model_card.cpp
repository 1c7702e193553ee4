#include "checkpoint/model_card.h"

#include <string_view>

#include "base/ascii.h"
#include "base/mapped_file.h"
#include "base/utf8.h"

namespace ferrum {
namespace {

constexpr size_t kMaxLicense = 200;

std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

ModelCard parse(std::string_view text) {
  ModelCard card;
  if (take_line(text) != "---") return card;
  constexpr std::string_view kLicense = "license:";
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line == "---") break;
    if (line.starts_with(kLicense)) card.license = trimmed(line.substr(kLicense.size()), " \t\"'");
  }
  if (!utf8::is_valid(card.license) || card.license.size() > kMaxLicense) card.license.clear();
  return card;
}

}  // namespace

ModelCard read_model_card(const std::filesystem::path& folder) {
  for (const char* name : {"README.md", "MODEL_CARD.md"})
    if (std::filesystem::is_regular_file(folder / name))
      return parse(MappedFile::open(folder / name)->text());
  return {};
}

}  // namespace ferrum
