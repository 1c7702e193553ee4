// Answers in every format: the first byte chooses the format, the second the phase and the split; the rest is
// the answer. However it is split it means the same, calls are numbered and their ids differ.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/check.h"
#include "tools/parser.h"

namespace {

using namespace ferrum;

const std::shared_ptr<const tools::ToolList>& tool_list() {
  static const auto kList = std::make_shared<const tools::ToolList>(OrderedJson::parse(R"([
    {"name": "f", "parameters": {"properties": {"a": {"type": "string"}, "b": {"type": ["integer", "null"]}}}},
    {"name": "a>b"}, {"name": "python"}])"));
  return kList;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string& family = tools::family_names()[data[0] % tools::family_names().size()];
  const auto phase = static_cast<tools::Phase>(data[1] % 3);
  const size_t step = 1 + data[1] / 3;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  tools::Parser whole_parser(tools::format_named(family), tool_list(), {.phase = phase});
  tools::Parser piece_parser(tools::format_named(family), tool_list(), {.phase = phase});
  tools::ParsedAnswer whole;
  tools::ParsedAnswer pieces;
  whole.add(whole_parser.feed(text));
  whole.add(whole_parser.finish());
  for (size_t at = 0; at < text.size(); at += step) pieces.add(piece_parser.feed(text.substr(at, step)));
  pieces.add(piece_parser.finish());
  check(whole == pieces, "a split changes nothing");
  std::set<std::string> ids;
  for (const tools::ParsedCall& call : whole.calls) check(ids.insert(call.id).second, "ids differ");
  return 0;
}
