// Model names typed by users, and responses of a hub: the first byte selects the parser.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "hub/hub_api.h"
#include "hub/model_name.h"
#include "hub/offers.h"

namespace {

using namespace ferrum::hub;

void read_listing(std::string_view text) {
  std::vector<RepoFile> files;
  read_tree(text, "hub", files);
  const std::vector<Offer> offers = offers_of(files);
  for (const Offer& offer : offers) {
    ferrum::check(!offer.files.empty(), "a model has files");
    const std::string name = "a/b" + suffix_of(offers, offer);
    for (const RepoFile& file : offer.files)
      if (!is_safe_file(file.name)) return;
    pick(offers, parse_model_name(name));
  }
  offers_text(offers);
}

void read_name(std::string_view text) {
  const ModelName name = parse_model_name(text);
  ferrum::check(parse_model_name(to_string(name)) == name, "a name can be said again");
  ferrum::check(name.file.empty() || is_safe_file(name.file), "a file's name is safe");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0]) {
      case 'n':
        read_name(text);
        break;
      case 'c':
        read_commit(text, "hub");
        break;
      case 'l':
        next_page(text);
        type_of_file(text);
        split_name_of(text);
        break;
      default:
        read_listing(text);
    }
  } catch (const ferrum::Error&) {
  }
  return 0;
}
