// POST /v1/rerank, /v2/rerank, /v1/score and /classify
#include <algorithm>
#include <numeric>

#include "server/api/budget.h"
#include "server/api/ids.h"
#include "server/texts/result_format.h"
#include "server/texts/text_fields.h"
#include "server/texts/texts.h"
#include "server/texts/uses.h"

namespace ferrum::server::texts {
namespace {

using Result = TextRequest::Result;

// A float's own digits, not those of the double that it becomes.
Json number(float value) { return Json::parse(fmt::format("{}", value)); }

struct Ranking {
  size_t top = 0;                      // results
  std::vector<std::string> documents;  // to be returned; empty: none are
};

// Best first; of equals, the earlier one.
std::vector<size_t> ranked(const std::vector<TextResultEvent>& results) {
  std::vector<size_t> order(results.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(
      order, [&](size_t a, size_t b) { return results[a].values.front() > results[b].values.front(); });
  return order;
}

// What Jina's and Cohere's clients read: each ignores the other's fields.
class RerankFormat final : public ResultFormat {
 public:
  RerankFormat(std::string model, size_t texts, Ranking ranking)
      : ResultFormat(std::move(model), "documents", texts), ranking_(std::move(ranking)) {}

  void end(std::string& out) override {
    Json list = Json::array();
    for (const size_t i : ranked(results())) {
      if (list.size() == ranking_.top) break;
      Json result = {{"index", i}, {"relevance_score", number(results()[i].values.front())}};
      if (!ranking_.documents.empty()) result["document"] = {{"text", ranking_.documents[i]}};
      list.push_back(std::move(result));
    }
    out += to_text({{"id", new_id("rerank-")},
                    {"object", "list"},
                    {"model", model()},
                    {"results", std::move(list)},
                    {"usage", usage()},
                    {"meta", {{"billed_units", {{"search_units", 1}}}}}});
  }

 private:
  Ranking ranking_;
};

// Text Embeddings Inference's: [{"index", "score", "text"}]
class PlainRanking final : public ResultFormat {
 public:
  PlainRanking(std::string model, size_t texts, Ranking ranking)
      : ResultFormat(std::move(model), "texts", texts), ranking_(std::move(ranking)) {}

  void end(std::string& out) override {
    Json list = Json::array();
    for (const size_t i : ranked(results())) {
      if (list.size() == ranking_.top) break;
      Json result = {{"index", i}, {"score", number(results()[i].values.front())}};
      if (!ranking_.documents.empty()) result["text"] = ranking_.documents[i];
      list.push_back(std::move(result));
    }
    out += to_text(list);
  }

 private:
  Ranking ranking_;
};

class ScoreFormat final : public ResultFormat {
 public:
  using ResultFormat::ResultFormat;

  void end(std::string& out) override {
    Json data = Json::array();
    for (size_t i = 0; i < results().size(); ++i)
      data.push_back({{"index", i}, {"object", "score"}, {"score", number(results()[i].values.front())}});
    out += to_text({{"id", new_id("score-")},
                    {"object", "list"},
                    {"created", now()},
                    {"model", model()},
                    {"data", std::move(data)},
                    {"usage", usage()}});
  }
};

class ClassFormat final : public ResultFormat {
 public:
  ClassFormat(std::string model, std::string field, size_t texts, std::vector<std::string> labels)
      : ResultFormat(std::move(model), std::move(field), texts), labels_(std::move(labels)) {}

  void end(std::string& out) override {
    Json data = Json::array();
    for (size_t i = 0; i < results().size(); ++i) {
      const std::vector<float>& values = results()[i].values;
      const auto best = static_cast<size_t>(std::ranges::max_element(values) - values.begin());
      Json chances = Json::array();
      for (const float value : values) chances.push_back(number(value));
      data.push_back({{"index", i},
                      {"label", best < labels_.size() ? Json(labels_[best]) : Json()},
                      {"probs", std::move(chances)},
                      {"num_classes", values.size()}});
    }
    out += to_text({{"id", new_id("classify-")},
                    {"object", "list"},
                    {"created", now()},
                    {"model", model()},
                    {"data", std::move(data)},
                    {"usage", usage()}});
  }

 private:
  std::vector<std::string> labels_;
};

const TextUse& require_ranking(Fields& body, const Engine& engine) {
  const TextUse& use = require_texts(body, engine, TextUse::Kind::kScores);
  if (!use.ranks())
    throw ApiError(
        400, "unsupported_by_model", "model",
        fmt::format("the model has {} labels, and none says how well a text answers another; use /classify",
                    use.dimensions));
  return use;
}

// Scores as the model's files say, or the logits behind them.
void read_function(Fields& body, TextRequest& r) {
  r.result = Result::kScores;
  if (body.flag("raw_scores").value_or(false)) r.result = Result::kLogits;
  for (const char* name : {"use_activation", "activation"})
    if (!body.flag(name).value_or(true)) r.result = Result::kLogits;
}

// All but the pairs.
TextRequest read_scoring(Fields& body, const TextUse& use) {
  TextRequest r;
  read_function(body, r);
  read_truncation(body, use, r);
  if (const auto instruction = body.text("instruction"); instruction && !instruction->empty()) {
    if (use.reads_instructions)
      r.instruction = *instruction;
    else
      body.refuse_value("instruction", "instruction: the model reads none", "unsupported_parameter");
  }
  return r;
}

// The beginning of a text that has at most `most` tokens, to the end of a character. By halves: a text that
// goes on has more tokens, but for words at its end.
void cut(std::string& text, size_t most, const Engine& engine) {
  if (text.size() <= most) return;  // no token is shorter than a byte
  const auto fits = [&](size_t bytes) {
    const TextPrompt beginning = {.text = text.substr(0, bytes),
                                  .control_tokens = TextPrompt::ControlTokens::kText,
                                  .bos = TextPrompt::Bos::kOmitted};
    return engine.tokens_of(beginning).size() <= most;
  };
  if (fits(text.size())) return;
  std::vector<size_t> ends = {0};  // of characters
  for (size_t i = 1; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) ends.push_back(i);
  const auto end = std::partition_point(ends.begin() + 1, ends.end(), fits);
  text.resize(*std::prev(end));
}

// The texts under the first of these names that the body has.
std::string one_of(Fields& body, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (body.find(name)) return name;
  return *names.begin();
}

}  // namespace

ApiRequest rerank(Fields& body, const Engine& engine) {
  const std::string model = model_of(body);
  const TextUse& use = require_ranking(body, engine);
  TextRequest r = read_scoring(body, use);
  const std::vector<std::string> queries = read_texts(body, "query");
  if (queries.size() != 1) server::refuse("query", "query must be one text, not {}", queries.size());
  const std::string field = one_of(body, {"documents", "texts"});
  std::vector<std::string> documents = read_texts(body, field);
  if (const auto most = body.integer("max_tokens_per_doc", 1, INT32_MAX))
    for (std::string& document : documents) cut(document, static_cast<size_t>(*most), engine);
  for (const std::string& document : documents) r.texts.emplace_back(TextPair{queries.front(), document});
  Ranking ranking = {.top = documents.size(), .documents = {}};
  if (const auto top = body.integer("top_n", 1, INT32_MAX))
    ranking.top = std::min(ranking.top, static_cast<size_t>(*top));
  for (const char* name : {"return_documents", "return_text"})
    if (body.flag(name).value_or(false) && ranking.documents.empty())
      ranking.documents = std::move(documents);
  body.refuse("max_chunks_per_doc", "documents are read whole");
  body.refuse("rank_fields", "documents are strings, or objects with the field text",
              {Json::array({"text"})});
  finish_fields(body);

  ApiRequest api_request;
  const size_t count = r.texts.size();
  if (field == "texts")
    api_request.format = std::make_unique<PlainRanking>(model, count, std::move(ranking));
  else
    api_request.format = std::make_unique<RerankFormat>(model, count, std::move(ranking));
  api_request.texts = std::move(r);
  return api_request;
}

ApiRequest score(Fields& body, const Engine& engine) {
  const std::string model = model_of(body);
  const TextUse& use = require_ranking(body, engine);
  TextRequest r = read_scoring(body, use);
  const std::string first = one_of(body, {"text_1", "queries", "data_1"});
  const std::string second = one_of(body, {"text_2", "documents", "data_2", "items"});
  const std::vector<std::string> left = read_texts(body, first);
  const std::vector<std::string> right = read_texts(body, second);
  if (left.size() != 1 && left.size() != right.size())
    server::refuse(second, "{} must have as many texts as {}, which has {}, not {}; or {} has one", second,
                   first, left.size(), right.size(), first);
  for (size_t i = 0; i < right.size(); ++i)
    r.texts.emplace_back(TextPair{left[left.size() == 1 ? 0 : i], right[i]});
  finish_fields(body);
  ApiRequest api_request;
  api_request.format = std::make_unique<ScoreFormat>(model, second, r.texts.size());
  api_request.texts = std::move(r);
  return api_request;
}

ApiRequest classify(Fields& body, const Engine& engine) {
  const std::string model = model_of(body);
  const TextUse& use = require_texts(body, engine, TextUse::Kind::kScores);
  TextRequest r = read_scoring(body, use);
  const std::string field = one_of(body, {"input", "inputs"});
  r.texts = read_inputs(body, field);
  finish_fields(body);
  ApiRequest api_request;
  api_request.format = std::make_unique<ClassFormat>(model, field, r.texts.size(), use.labels);
  api_request.texts = std::move(r);
  return api_request;
}

}  // namespace ferrum::server::texts
