// Text styles: escape sequences on a terminal, nothing elsewhere.
#pragma once
#include <string>
#include <string_view>

namespace ferrum::cli {

class Style {
 public:
  static Style plain() { return Style(Colours::kNone); }
  // Coloured if the descriptor is a terminal that shows colours (base/terminal.h).
  static Style of(int descriptor);

  std::string heading(std::string_view text) const { return coloured("1", text); }
  std::string name(std::string_view text) const { return coloured("36", text); }  // of a command or an option
  std::string remark(std::string_view text) const { return coloured("2", text); }
  std::string mistake(std::string_view text) const { return coloured("1;31", text); }

 private:
  enum class Colours { kNone, kAnsi };
  explicit Style(Colours colours) : colours_(colours) {}
  std::string coloured(std::string_view code, std::string_view text) const;

  Colours colours_;
};

}  // namespace ferrum::cli
