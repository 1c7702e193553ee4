#include "server/texts/uses.h"

#include "base/error.h"
#include "server/api/api_request.h"

namespace ferrum::server {
namespace {

const char* what_it_does(const ModelInfo& info) {
  if (!info.texts)
    return "generates text, at /v1/chat/completions, /v1/completions, /v1/responses and /v1/messages";
  if (info.texts->kind == TextUse::Kind::kEmbeddings) return "makes embeddings of texts, at /v1/embeddings";
  return "scores texts, at /v1/rerank, /v1/score and /classify";
}

[[noreturn]] void refuse_use(Fields& body, const Engine& engine, const char* wanted) {
  throw ApiError(400, "unsupported_by_model", "model",
                 fmt::format("the model {} {} no {}: it {}", in_quotes(model_of(body)),
                             std::string_view(wanted) == "text" ? "generates" : "makes", wanted,
                             what_it_does(engine.info())));
}

}  // namespace

void require_generation(Fields& body, const Engine& engine) {
  if (engine.info().texts) refuse_use(body, engine, "text");
}

const TextUse& require_texts(Fields& body, const Engine& engine, TextUse::Kind kind) {
  const std::optional<TextUse>& use = engine.info().texts;
  if (!use || use->kind != kind)
    refuse_use(body, engine, kind == TextUse::Kind::kEmbeddings ? "embeddings" : "scores of texts");
  return *use;
}

const char* capability_of(const ModelInfo& info) {
  if (!info.texts) return "completion";
  if (info.texts->kind == TextUse::Kind::kEmbeddings) return "embedding";
  return info.texts->ranks() ? "rerank" : "classification";
}

}  // namespace ferrum::server
