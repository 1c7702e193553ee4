#include "grammar/schema/member_names.h"

namespace ferrum::grammar {

const std::vector<NameId>& MemberNames::listed(LanguageId language) {
  const auto [place, is_new] = listed_.try_emplace(language);
  if (!is_new) return place->second;
  std::vector<std::u32string> all;
  languages_.find_texts(language, all);
  for (std::u32string& text : all) {
    const auto [name, is_first] = ids_.emplace(std::move(text), static_cast<NameId>(texts_.size()));
    if (is_first) texts_.push_back(&name->first);
    place->second.push_back(name->second);
  }
  return place->second;
}

bool MemberNames::contains(LanguageId language, NameId name) {
  const auto [place, is_new] = contained_[language].try_emplace(name);
  if (is_new) place->second = languages_.contains(language, *texts_[name]);
  return place->second;
}

}  // namespace ferrum::grammar
