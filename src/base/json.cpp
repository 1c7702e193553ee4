#include "base/json.h"

#include <nlohmann/json.hpp>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/error.h"

namespace ferrum {
namespace {

// Watches the events of nlohmann's parser for what its tree would hide: depth and duplicate keys.
template <class Tree>
class Guard {
 public:
  Guard(std::string_view source, const JsonLimits& limits) : source_(source), limits_(limits) {}

  bool operator()(int, typename Tree::parse_event_t event, const Tree& value) {
    using Event = typename Tree::parse_event_t;
    switch (event) {
      case Event::object_start:
      case Event::array_start:
        enter();
        break;
      case Event::object_end:
      case Event::array_end:
        keys_.pop_back();
        break;
      case Event::key:
        note_key(value.template get_ref<const std::string&>());
        break;
      case Event::value:
        break;
    }
    return true;
  }

 private:
  void enter() {
    if (static_cast<int>(keys_.size()) >= limits_.max_depth)
      fail(ErrorCode::kBadFile, "{}: JSON nested deeper than {} levels", source_, limits_.max_depth);
    keys_.emplace_back();
  }

  void note_key(const std::string& key) {
    if (!keys_.back().insert(key).second)
      fail(ErrorCode::kBadFile, "{}: duplicate key {}", source_, in_quotes(key));
    if (keys_.back().size() > limits_.max_keys)
      fail(ErrorCode::kBadFile, "{}: an object of more than {} keys", source_, limits_.max_keys);
  }

  std::string_view source_;
  const JsonLimits& limits_;
  std::vector<std::unordered_set<std::string>> keys_;  // of the objects being read, outermost first
};

template <class Tree>
Tree parse(std::string_view text, std::string_view source, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes)
    fail(ErrorCode::kBadFile, "{}: {} bytes of JSON, more than the {} allowed", source, text.size(),
         limits.max_bytes);
  // The parser would take a NUL for the end of the text and not see what follows.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos)
    fail(ErrorCode::kBadFile, "{}: not valid JSON at byte {}", source, nul + 1);
  try {
    return Tree::parse(text, Guard<Tree>(source, limits));
  } catch (const typename Tree::parse_error& e) {
    fail(ErrorCode::kBadFile, "{}: not valid JSON at byte {}", source, e.byte);
  } catch (const typename Tree::exception& e) {
    fail(ErrorCode::kBadFile, "{}: {}", source, in_quotes(e.what()));
  }
}

}  // namespace

Json parse_json(std::string_view text, std::string_view source, const JsonLimits& limits) {
  return parse<Json>(text, source, limits);
}

OrderedJson parse_ordered_json(std::string_view text, std::string_view source, const JsonLimits& limits) {
  return parse<OrderedJson>(text, source, limits);
}

}  // namespace ferrum
