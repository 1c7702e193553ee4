// Lark's grammars as regular expressions.
#include "server/api/lark.h"

#include <gtest/gtest.h>

#include <regex>

#include "base/error.h"
#include "support/contains.h"

namespace ferrum::server {
namespace {

bool derives(const std::string& grammar, const std::string& text) {
  return std::regex_match(text, std::regex(pattern_of_lark(grammar)));
}

// The grammar of patches that coding agents send.
const std::string kPatch = R"(start: begin_patch hunk+ end_patch
begin_patch: "*** Begin Patch" LF
end_patch: "*** End Patch" LF?

hunk: add_hunk | delete_hunk | update_hunk
add_hunk: "*** Add File: " filename LF add_line+
delete_hunk: "*** Delete File: " filename LF
update_hunk: "*** Update File: " filename LF change_move? change?

filename: /(.+)/
add_line: "+" /(.*)/ LF -> line

change_move: "*** Move to: " filename LF
change: (change_context | change_line)+ eof_line?
change_context: ("@@" | "@@ " /(.+)/) LF
change_line: ("+" | "-" | " ") /(.*)/ LF
eof_line: "*** End of File" LF

%import common.LF
)";

TEST(Lark, AGrammarOfPatches) {
  EXPECT_TRUE(derives(kPatch, "*** Begin Patch\n*** Add File: a.txt\n+one\n+\n*** End Patch"));
  EXPECT_TRUE(derives(kPatch,
                      "*** Begin Patch\n*** Update File: a b\n*** Move to: c\n@@ f\n-x\n+y\n z\n"
                      "*** End of File\n*** Delete File: d\n*** End Patch\n"));
  EXPECT_FALSE(derives(kPatch, "*** Begin Patch\n*** End Patch"));
  EXPECT_FALSE(derives(kPatch, "*** Begin Patch\n*** Add File: \n+one\n*** End Patch"));
  EXPECT_FALSE(derives(kPatch, "*** Begin Patch\n*** Add File: a\none\n*** End Patch"));
}

TEST(Lark, WhatItsNotationMeans) {
  EXPECT_TRUE(derives("start: \"a.\" \"b\"?", "a."));
  EXPECT_FALSE(derives("start: \"a.\"", "ax")) << "a string is no pattern";
  EXPECT_TRUE(derives("start: [\"a\"] \"b\"~2..3", "abbb"));
  EXPECT_FALSE(derives("start: [\"a\"] \"b\"~2..3", "abbbb"));
  EXPECT_TRUE(derives("start: \"a\"..\"f\"+", "face"));
  EXPECT_TRUE(derives("start: x (\",\" x)*\nx: INT\n%import common.INT", "1,22,333"));
  EXPECT_TRUE(derives("start: x\n?x: N -> number\n!N.2: /[0-9]/\n  | \"none\" // or not", "none"));
  EXPECT_TRUE(derives("%import common (DIGIT, LETTER -> L)\nstart: L DIGIT", "x5"));
  EXPECT_TRUE(derives("start: \"\\\"\" \"\\n\" \"\\\\\"", "\"\n\\"));
  EXPECT_TRUE(derives("start: |\"x\"", ""));
}

TEST(Lark, WhatCannotBeSaidIsNamed) {
  const auto refusal = [](const std::string& grammar) {
    try {
      return pattern_of_lark(grammar);
    } catch (const Error& e) {
      return std::string(e.what());
    }
  };
  EXPECT_CONTAINS(refusal("start: \"(\" start? \")\""), "'start' contains itself");
  EXPECT_CONTAINS(refusal("start: a\na: b\nb: a?"), "contains itself");
  EXPECT_CONTAINS(refusal("start: a"), "no rule 'a'");
  EXPECT_CONTAINS(refusal("x: \"a\""), "no rule 'start'");
  EXPECT_CONTAINS(refusal("start: \"a\"\n%ignore WS"), "%ignore is not supported");
  EXPECT_CONTAINS(refusal("start: \"a\"i"), "flags 'i'");
  EXPECT_CONTAINS(refusal("start: (\"a\""), "( is not closed");
  EXPECT_CONTAINS(refusal("start: \"a"), "is not closed");
  EXPECT_CONTAINS(refusal("start: \"a\"~x"), "~ needs a number");
  EXPECT_CONTAINS(refusal("%import python.NAME\nstart: NAME"), "only `common`");
  EXPECT_CONTAINS(refusal("%import common.NAME\nstart: NAME"), "common has no 'NAME'");
  EXPECT_CONTAINS(refusal("start: a{b}"), "is not supported");
  EXPECT_CONTAINS(refusal("start: \"a\"\nstart: \"b\""), "two rules 'start'");
  EXPECT_CONTAINS(refusal("start: " + std::string(500, '(')), "nested more than");
  std::string doubled = "r0: \"0123456789\"\nstart: r30\n";
  for (int i = 1; i <= 30; ++i)
    doubled += "r" + std::to_string(i) + ": r" + std::to_string(i - 1) + " r" + std::to_string(i - 1) + "\n";
  EXPECT_CONTAINS(refusal(doubled), "longer than");
}

}  // namespace
}  // namespace ferrum::server
