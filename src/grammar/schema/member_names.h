// Names of members that schemas list, as numbers, with what is looked up of them again and again.
#pragma once
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "grammar/languages.h"

namespace ferrum::grammar {

using NameId = uint32_t;

class MemberNames {
 public:
  explicit MemberNames(Languages& languages) : languages_(languages) {}

  const std::u32string& operator[](NameId name) const { return *texts_[name]; }
  // The names of all lists in a language's expression, in their order.
  const std::vector<NameId>& listed(LanguageId language);
  bool contains(LanguageId language, NameId name);

 private:
  Languages& languages_;
  std::map<std::u32string, NameId> ids_;
  std::vector<const std::u32string*> texts_;
  std::unordered_map<LanguageId, std::vector<NameId>> listed_;
  std::unordered_map<LanguageId, std::unordered_map<NameId, bool>> contained_;
};

}  // namespace ferrum::grammar
