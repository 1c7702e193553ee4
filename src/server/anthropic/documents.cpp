#include "server/anthropic/documents.h"

#include "base/error.h"
#include "server/api/text_parts.h"

namespace ferrum::server::anthropic {
namespace {

constexpr TextPart kParts[] = {{"text", "text"}};

// Citations would be a part of the answer.
void refuse_citations(Fields& block) {
  const Json* value = block.object("citations");
  if (!value) return;
  Fields citations(block, *value, block.path_of("citations"));
  citations.refuse("enabled", "answers cite nothing", {false});
}

std::string line_of(const char* name, const std::optional<std::string>& value) {
  return value && !value->empty() ? std::string(name) + ": " + *value + "\n" : "";
}

std::string text_of_source(Fields& block) {
  const Json* given = block.object("source");
  if (!given) {
    block.refuse_value("source", block.path_of("source") + " is missing");
    return "";
  }
  Fields source(block, *given, block.path_of("source"));
  const std::string type = source.text("type").value_or("");
  if (type == "content")
    return text_of_parts(source, source.required("content"), source.path_of("content"), kParts);
  if (type != "text") {
    source.refuse_value(
        "type",
        fmt::format("{}: documents are read as text, in sources of type text or content, not {}",
                    source.path_of("type"), in_quotes(type)),
        "unsupported_parameter");
    return "";
  }
  source.refuse("media_type", "a text is text/plain", {"text/plain"});
  source.required("data");
  return source.text("data").value_or("");
}

std::string in_tags(const std::string& tag, const std::string& head, const std::string& text) {
  return "<" + tag + ">\n" + head + (head.empty() ? "" : "\n") + text + "\n</" + tag + ">\n";
}

}  // namespace

bool is_document(const Json& block) {
  if (!block.is_object()) return false;
  const Json type = block.value("type", Json());
  return type == "document" || type == "search_result";
}

std::string text_of_document(const Fields& parent, const Json& json, const std::string& path) {
  Fields block(parent, json, path);
  refuse_citations(block);
  if (block.text("type") == "document") {
    const std::string head =
        line_of("Title", block.text("title")) + line_of("Context", block.text("context"));
    return in_tags("document", head, text_of_source(block));
  }
  const std::string head = line_of("Title", block.text("title")) + line_of("Source", block.text("source"));
  return in_tags("search_result", head,
                 text_of_parts(block, block.required("content"), block.path_of("content"), kParts));
}

}  // namespace ferrum::server::anthropic
