// POST /v1/embeddings, /embedding and /pooling
#include <algorithm>

#include "base/error.h"
#include "server/api/ids.h"
#include "server/texts/result_format.h"
#include "server/texts/text_fields.h"
#include "server/texts/texts.h"
#include "server/texts/uses.h"

namespace ferrum::server::texts {
namespace {

using Result = TextRequest::Result;

// Of the hidden states that a model which generates text gives for one request.
constexpr int64_t kMostStateNumbers = int64_t{1} << 24;

enum class Encoding { kFloat, kBase64 };

Encoding read_encoding(Fields& body) {
  Encoding encoding = Encoding::kFloat;
  for (const char* name : {"encoding_format", "embedding_type"}) {
    const auto said = body.text(name);
    if (said == "base64") encoding = Encoding::kBase64;
    if (said && *said != "base64" && *said != "float")
      body.refuse_value(name, fmt::format("{} must be \"float\" or \"base64\"", body.path_of(name)));
  }
  return encoding;
}

// {"object": "list", "data": [{"object", "index", "embedding" or "data"}], "model", "usage"}
class ListFormat final : public ResultFormat {
 public:
  struct Shape {
    const char* object = "embedding";
    const char* values = "embedding";  // the field
    Encoding encoding = Encoding::kFloat;
    bool rows = false;  // of each token
  };
  ListFormat(std::string model, std::string field, size_t texts, Shape shape)
      : ResultFormat(std::move(model), std::move(field), texts), shape_(shape) {}

  void end(std::string& out) override {
    out += fmt::format(R"({{"object":"list","id":{},"created":{},"model":{},"data":[)",
                       json_string(new_id("embd-")), now(), json_string(model()));
    for (size_t i = 0; i < results().size(); ++i) {
      const TextResultEvent& result = results()[i];
      out += fmt::format(R"({}{{"object":"{}","index":{},"{}":)", i == 0 ? "" : ",", shape_.object, i,
                         shape_.values);
      if (shape_.encoding == Encoding::kBase64)
        append_base64(out, result.values);
      else if (shape_.rows)
        append_rows(out, result);
      else
        append_numbers(out, result.values);
      out += '}';
    }
    out += fmt::format(R"(],"usage":{}}})", to_text(usage()));
  }

 private:
  Shape shape_;
};

// llama-server's: [{"index", "embedding": [[…]]}]
class PlainFormat final : public ResultFormat {
 public:
  using ResultFormat::ResultFormat;

  void end(std::string& out) override {
    for (size_t i = 0; i < results().size(); ++i) {
      out += fmt::format(R"({}{{"index":{},"embedding":)", i == 0 ? "[" : ",", i);
      append_rows(out, results()[i]);
      out += '}';
    }
    out += ']';
  }
};

void read_normalize(Fields& body, TextRequest& r) {
  using Normalize = TextRequest::Normalize;
  for (const char* name : {"normalize", "normalized", "use_activation"})
    if (const auto said = body.flag(name)) r.normalize = *said ? Normalize::kAlways : Normalize::kNever;
  if (const auto norm = body.integer("embd_normalize", -1, INT32_MAX)) {
    if (*norm != -1 && *norm != 2)
      body.refuse_value("embd_normalize", "embd_normalize must be -1 (none) or 2 (Euclidean)");
    r.normalize = *norm == 2 ? Normalize::kAlways : Normalize::kNever;
  }
}

// "query" and "document" of other APIs are prompts of these names, where the model has them, and else hints.
void read_prompt(Fields& body, const TextUse& use, TextRequest& r) {
  const auto has = [&](const std::string& name) {
    return std::ranges::find(use.prompts, name) != use.prompts.end();
  };
  if (const auto name = body.text("prompt_name"); name && !name->empty()) {
    r.prompt_name = *name;
    if (!has(*name)) {
      std::string names;
      for (const std::string& other : use.prompts) names += (names.empty() ? "" : ", ") + in_quotes(other);
      body.refuse_value("prompt_name", fmt::format("the model has no prompt {}; it has {}", in_quotes(*name),
                                                   names.empty() ? "none" : names));
    }
  }
  for (const char* field : {"task", "input_type"}) {
    const auto name = body.text(field);
    if (!name) continue;
    if (!has(*name))
      body.hint(field);
    else if (r.prompt_name.empty())
      r.prompt_name = *name;
  }
}

// All but the texts and the encoding.
TextRequest read_embedding(Fields& body, const TextUse& use) {
  TextRequest r;
  if (const auto pooling = body.text("pooling")) {
    if (*pooling == "none")
      r.result = Result::kStates;
    else
      body.refuse_value("pooling", "pooling must be \"none\": how texts are pooled is the model's to say");
  }
  const char* const kDimensions = "dimensions";
  if (const auto dimensions = body.integer(kDimensions, 1, use.dimensions)) {
    r.dimensions = static_cast<int>(*dimensions);
    if (r.result == Result::kStates) body.refuse_value(kDimensions, "dimensions are of pooled embeddings");
  }
  read_normalize(body, r);
  read_prompt(body, use, r);
  read_truncation(body, use, r);
  return r;
}

// The field that has the texts: llama-server's and others call it content.
std::string input_field(Fields& body) {
  return body.find("input") || !body.find("content") ? "input" : "content";
}

// What a format of the results needs to know.
struct Asked {
  std::string model, field;
  size_t texts = 0;
  bool rows = false;  // of each token
};

// `format` makes the format, and may read further fields.
template <class MakeFormat>
ApiRequest embeddings_in(Fields& body, const Engine& engine, const MakeFormat& format) {
  Asked asked = {.model = model_of(body)};
  const TextUse& use = require_texts(body, engine, TextUse::Kind::kEmbeddings);
  asked.field = input_field(body);
  ApiRequest api_request;
  TextRequest r = read_embedding(body, use);
  r.texts = read_inputs(body, asked.field);
  asked.texts = r.texts.size();
  asked.rows = r.result == Result::kStates;
  api_request.format = format(asked);
  finish_fields(body);
  api_request.texts = std::move(r);
  return api_request;
}

// Each prompt's states, by generating nothing.
ApiRequest generated_states(Fields& body, const Engine& engine, std::vector<TextRequest::Text> inputs) {
  ApiRequest api_request;
  int64_t tokens = 0;
  for (TextRequest::Text& input : inputs) {
    Request r;
    if (auto* ids = std::get_if<TokenPrompt>(&input))
      r.prompt = std::move(*ids);
    else
      r.prompt = TokenPrompt{engine.tokens_of(TextPrompt{
          .text = std::get<std::string>(input), .control_tokens = TextPrompt::ControlTokens::kText})};
    tokens += static_cast<int64_t>(std::get<TokenPrompt>(r.prompt).ids.size());
    r.max_tokens = 0;
    r.hidden_states = Request::HiddenStates::kAll;
    api_request.requests.push_back(std::move(r));
  }
  if (const int64_t most = kMostStateNumbers / std::max(1, engine.info().hidden); tokens > most)
    body.refuse_value(
        "input",
        fmt::format("input has {} tokens; a request may ask for the hidden states of {}", tokens, most));
  return api_request;
}

}  // namespace

ApiRequest embeddings(Fields& body, const Engine& engine) {
  return embeddings_in(body, engine, [&](const Asked& asked) {
    const ListFormat::Shape shape = {.encoding = read_encoding(body), .rows = asked.rows};
    return std::make_unique<ListFormat>(asked.model, asked.field, asked.texts, shape);
  });
}

ApiRequest plain_embeddings(Fields& body, const Engine& engine) {
  return embeddings_in(body, engine, [](const Asked& asked) {
    return std::make_unique<PlainFormat>(asked.model, asked.field, asked.texts);
  });
}

ApiRequest states(Fields& body, const Engine& engine) {
  const std::string model = model_of(body);
  std::vector<TextRequest::Text> inputs = read_inputs(body, "input");
  const size_t count = inputs.size();
  const ListFormat::Shape shape = {
      .object = "pooling", .values = "data", .encoding = read_encoding(body), .rows = true};
  body.refuse("task", "/pooling gives the hidden states of all tokens", {"token_embed", "encode"});
  ApiRequest api_request;
  if (const std::optional<TextUse>& use = engine.info().texts) {
    TextRequest r;
    r.result = Result::kStates;
    read_prompt(body, *use, r);
    read_truncation(body, *use, r);
    r.texts = std::move(inputs);
    api_request.texts = std::move(r);
  } else {
    api_request = generated_states(body, engine, std::move(inputs));
  }
  finish_fields(body);
  api_request.format = std::make_unique<ListFormat>(model, "input", count, shape);
  return api_request;
}

}  // namespace ferrum::server::texts
