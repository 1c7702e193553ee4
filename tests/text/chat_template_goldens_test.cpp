// Real templates on real conversations, against what Jinja2 3.1.6 rendered.
#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "support/paths.h"
#include "text/chat_template.h"

namespace ferrum {
namespace {

std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// "2025-07-26T12:00:00" in local time.
std::time_t time_of(const std::string& iso) {
  std::tm tm{};
  EXPECT_NE(strptime(iso.c_str(), "%Y-%m-%dT%H:%M:%S", &tm), nullptr) << iso;
  tm.tm_isdst = -1;
  return std::mktime(&tm);
}

// The template of a golden: a file, or the chat_template of a tokenizer_config.json. That of Qwen2.5 is not
// among these, but says the same as its file.
std::string source_of(const std::string& name) {
  const std::string prefix = "tokenizer_config-";
  if (name == prefix + "qwen2.5") return source_of("Qwen-Qwen2.5-7B-Instruct");
  if (!name.starts_with(prefix)) return contents(test::shared("templates/" + name + ".jinja"));
  const auto path = test::shared("tokenizers/" + name.substr(prefix.size()) + "/tokenizer_config.json");
  return parse_json(contents(path), path.string()).at("chat_template").get<std::string>();
}

// What the golden's error says, where it is the template's own message.
std::string own_message(const std::string& error) {
  const std::string prefix = "TemplateError: ";
  return error.starts_with(prefix) ? error.substr(prefix.size()) : "";
}

struct Rendering {
  std::string text;
  std::string error;  // empty: there is a text
};

Rendering render(const ChatTemplate& chat, const OrderedJson& context, std::time_t now) {
  try {
    return {chat.render(context, now).text(), ""};
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadTemplate);
    return {"", e.what()};
  }
}

void check_one(const Rendering& rendering, const OrderedJson& expected) {
  if (expected.contains("output")) {
    EXPECT_EQ(rendering.error, "");
    EXPECT_EQ(rendering.text, expected.at("output").get<std::string>());
    return;
  }
  const auto error = expected.at("error").get<std::string>();
  EXPECT_NE(rendering.error, "") << "expected " << error << ", got " << rendering.text;
  EXPECT_NE(rendering.error.find(own_message(error)), std::string::npos) << rendering.error;
  EXPECT_NE(rendering.error.find("line "), std::string::npos) << rendering.error;
}

TEST(ChatTemplateGoldens, EveryTemplateOnEveryConversationByteForByte) {
  FERRUM_NEEDS_SHARED("templates/goldens.json");
  const OrderedJson goldens =
      parse_ordered_json(contents(test::shared("templates/goldens.json")), "goldens.json");
  const std::time_t now = time_of(goldens.at("now").get<std::string>());
  int checked = 0;
  for (const auto& [name, golden] : goldens.at("templates").items()) {
    SCOPED_TRACE(name);
    const ChatTemplate chat(source_of(name));
    for (const auto& [conversation, expected] : golden.at("renders").items()) {
      SCOPED_TRACE(conversation);
      OrderedJson context = goldens.at("contexts").at(conversation);
      for (const char* absent : {"tools", "documents"})
        if (!context.contains(absent)) context[absent] = nullptr;
      context["bos_token"] = golden.at("bos_token");
      context["eos_token"] = golden.at("eos_token");
      check_one(render(chat, context, now), expected);
      ++checked;
    }
  }
  EXPECT_EQ(checked, 24 * 9);
}

}  // namespace
}  // namespace ferrum
