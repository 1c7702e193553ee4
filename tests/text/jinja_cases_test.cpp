// The language, piece by piece: hundreds of small templates against the output of Jinja2
// (tests/data/text/render_jinja_cases.py).
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

OrderedJson load_cases() {
  const auto path = test::data("text/jinja_cases.json");
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return parse_ordered_json(out.str(), path.string());
}

TEST(JinjaCases, SayWhatJinjaSays) {
  const OrderedJson data = load_cases();
  std::tm tm{};
  ASSERT_NE(strptime(data.at("now").get<std::string>().c_str(), "%Y-%m-%dT%H:%M:%S", &tm), nullptr);
  tm.tm_isdst = -1;
  const std::time_t now = std::mktime(&tm);
  for (const OrderedJson& one : data.at("cases")) {
    const auto source = one.at("template").get<std::string>();
    SCOPED_TRACE(one.at("name").get<std::string>() + ": " + source);
    try {
      const std::string text = ChatTemplate(source).render(data.at("context"), now).text();
      EXPECT_TRUE(one.contains("output")) << "expected " << one.value("error", "") << ", got " << text;
      EXPECT_EQ(text, one.value("output", ""));
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kBadTemplate);
      EXPECT_TRUE(one.contains("error")) << e.what();
      EXPECT_NE(std::string(e.what()).find("line "), std::string::npos) << e.what();
    }
  }
  EXPECT_GE(data.at("cases").size(), 290u);
}

}  // namespace
}  // namespace ferrum
