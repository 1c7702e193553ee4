// How an answer looks on a terminal, however its text is cut into pieces.
#include "cli/terminal/answer_view.h"

#include <gtest/gtest.h>

#include "support/screen.h"

namespace ferrum::cli {
namespace {

using test::Screen;

struct Shown {
  int columns = 40;
  int rows = 12;
  AnswerView::Format format = AnswerView::Format::kMarkdown;
  Colours colours = Colours::kNone;
  bool with_styles = false;

  // In pieces of `size` bytes.
  std::string pieces(std::string_view text, size_t size) const {
    Screen screen(columns, rows);
    AnswerView view(format, colours, [this] { return TerminalSize{columns, rows}; });
    for (size_t i = 0; i < text.size(); i += size) screen.write(view.answer(text.substr(i, size)));
    screen.write(view.finish());
    EXPECT_EQ(screen.cursor_column(), 0u);
    return screen.text(with_styles);
  }
  std::string operator()(std::string_view text) const { return pieces(text, text.size()); }
};

TEST(AnswerView, WordsAreKeptWholeAtTheMargin) {
  const Shown shown = {.columns = 10};
  EXPECT_EQ(shown("one two three four"), "one two\nthree four\n");
  EXPECT_EQ(shown("exactly10! and"), "exactly10!\nand\n");
  EXPECT_EQ(shown("a word that is unbelievably long"), "a word\nthat is\nunbelievab\nly long\n");
  EXPECT_EQ(shown("a  b\n\nc"), "a  b\n\nc\n");
}

TEST(AnswerView, WideCharactersCountTwiceAndMayBeCutBetween) {
  const Shown shown = {.columns = 10};
  EXPECT_EQ(shown("你好世界你好世界"), "你好世界你\n好世界\n");
  EXPECT_EQ(shown("你好世界你。好"), "你好世界\n你。好\n") << "a full stop does not begin a row";
  EXPECT_EQ(shown("aaaaaa e\u0301e\u0301e\u0301 x"), "aaaaaa e\u0301e\u0301e\u0301\nx\n");
}

TEST(AnswerView, MarkdownIsShown) {
  Shown shown = {.with_styles = true};
  EXPECT_EQ(shown("# Title\ntext **bold** and *slanted* ~~gone~~"),
            "<1;4>Title<0>\ntext <1>bold<0> and <3>slanted<0> <9>gone<0>\n");
  EXPECT_EQ(shown("### Small ###"), "<1>Small<0>\n");
  EXPECT_EQ(shown("a_b_c and 2 * 3 * 4 and \\*this\\*"), "a_b_c and 2 * 3 * 4 and *this*\n");
  EXPECT_EQ(shown("***both***"), "<1;3>both<0>\n");
  EXPECT_EQ(shown("**never closed"), "**never closed\n");
  EXPECT_EQ(shown("[here](https://x.org/a_(b) \"t\") <https://y.org>"),
            "<4>here<2> (https://x.org/a_(b))<0> <4>https://y.org<0>\n");
  EXPECT_EQ(shown("`a*b*` and ``a`b``"), "`a*b*` and `a`b`\n") << "without colours the backticks stay";
  shown.colours = Colours::kAnsi;
  EXPECT_EQ(shown("`a*b*` c"), "<36>a*b*<0> c\n");
}

TEST(AnswerView, UnderlinedLinesAreHeadings) {
  const Shown shown = {.with_styles = true};
  for (const size_t size : {1u, 3u, 1000u}) {
    EXPECT_EQ(shown.pieces("First *one*\n===\ntext\n\nSecond\n  ------ \nmore", size),
              "<1;4>First <1;3;4>one<0>\ntext\n\n<1>Second<0>\nmore\n");
    EXPECT_EQ(shown.pieces("one\n\n===\n= 2\n\na | b\n---\n", size), "one\n\n===\n= 2\n\n<1>a | b<0>\n")
        << "nothing is underlined behind an empty line";
    EXPECT_EQ(shown.pieces("- item\n===\n> quote\n===", size), "• item\n===\n<2>│ <0>quote\n===\n");
  }
}

TEST(AnswerView, CharacterReferencesAreWhatTheyStandFor) {
  const Shown shown = {.columns = 60};
  EXPECT_EQ(shown("a &lt;b&gt; &amp;amp; &#8212; &#x2014; &eacute;&nbsp;&hearts; &apos;"),
            "a <b> &amp; — — é\u00a0♥ '\n");
  EXPECT_EQ(shown("&nothing; & &; &#; \\&lt; AT&T;"), "&nothing; & &; &#; &lt; AT&T;\n");
  EXPECT_EQ(shown("`&lt;`"), "`&lt;`\n") << "code is as it is written";
  EXPECT_EQ(shown("&#27;[2J &#0; &#xD800; &#10;x &lt;*b*&gt;"), "\ufffd[2J \ufffd \ufffd  x <b>\n");
}

TEST(AnswerView, ListsAndQuotesHangUnderTheirMarks) {
  const Shown shown = {.columns = 20};
  EXPECT_EQ(shown("- one two three four five\n  1. six seven eight nine\n- [x] done\n- [ ] to do"),
            "• one two three four\n  five\n  1. six seven eight\n     nine\n• ☑ done\n• ☐ to do\n");
  EXPECT_EQ(shown("> one two three four five\n> > six"), "│ one two three four\n│ five\n│ │ six\n");
  EXPECT_EQ(shown("---"), "────────────────────\n");
}

TEST(AnswerView, CodeKeepsItsLinesAndMarks) {
  const Shown shown = {.columns = 20};
  EXPECT_EQ(shown("so:\n```python\nif a ** b:\n\tprint('`x`')\n# no heading\n```\ndone"),
            "so:\n    python\n    if a ** b:\n        print('`x`')\n    # no heading\ndone\n");
  EXPECT_EQ(shown("````\n```\n````"), "    ```\n");
  EXPECT_EQ(shown("~~~\nnever closed"), "    never closed\n");
}

TEST(AnswerView, TablesAreAlignedAndFit) {
  const Shown shown = {.columns = 24};
  EXPECT_EQ(shown("| a | price |\n|---|--:|\n| **x** | 7 |\n| yyy | 1000 |\nafter"),
            "a   │ price\n────┼──────\nx   │     7\nyyy │  1000\nafter\n");
  EXPECT_EQ(shown("| a | b |\n|---|---|\n| one two three four | x \\| y |"),
            "a                │ b\n─────────────────┼──────\none two three    │ x | y\nfour             │\n");
  EXPECT_EQ(shown("this | is no table\nbut text"), "this | is no table\nbut text\n");
}

// The table is as high as the screen: its first rows are settled, and the columns stay.
TEST(AnswerView, ATableHigherThanTheScreenIsWholeInTheScrollback) {
  std::string source = "| n | name |\n|---|---|\n", expected = "n   │ name\n";
  for (int i = 0; i < 30; ++i) source += "| " + std::to_string(100 + i) + " | word |\n";
  const Shown shown = {.columns = 24, .rows = 8};
  const std::string all = shown(source);
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 32);
  EXPECT_NE(all.find("129 │ word\n"), std::string::npos);
}

constexpr const char* kEverything =
    "# A heading with *emphasis*\n\nSome **bold text that is wrapped** at the margin, `code` and a "
    "[link](https://example.org/x).\n\n| Left | Right |\n|:---|---:|\n| a **b** | 1 |\n| 日本 | 22 |\n\n"
    "1. first item that is long enough to be wrapped here\n   - nested "
    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xac\n"
    "> quoted e\u0301\n\n```cpp\nint main() { return 0; /* long enough to be cut at the margin */ "
    "}\n```\n---\n"
    "**left open, a | pipe and ``ticks\n***x** y* __z__ ~~s~~\r\nlast line without an end *";

TEST(AnswerView, EverySplitGivesTheSameScreen) {
  for (const int columns : {20, 33, 80}) {
    const Shown shown = {.columns = columns, .rows = 24, .colours = Colours::kAnsi, .with_styles = true};
    const std::string whole = shown(kEverything);
    for (const size_t size : {1, 2, 3, 5, 7, 11, 64})
      EXPECT_EQ(shown.pieces(kEverything, size), whole) << size;
    // Two pieces, cut anywhere.
    const std::string_view text = kEverything;
    for (size_t cut = 1; cut < text.size(); ++cut) {
      Screen screen(columns, 24);
      AnswerView view(AnswerView::Format::kMarkdown, Colours::kAnsi, [&] {
        return TerminalSize{columns, 24};
      });
      screen.write(view.answer(text.substr(0, cut)));
      screen.write(view.answer(text.substr(cut)));
      screen.write(view.finish());
      ASSERT_EQ(screen.text(true), whole) << "cut at " << cut;
    }
  }
}

TEST(AnswerView, TextOfAModelCannotControlTheTerminal) {
  const Shown shown;
  EXPECT_EQ(shown("a\x1b[2J\x07"
                  "b\x7f\xc2\x9b"
                  "1m\xff"),
            "a^[[2J^Gb^?\xef\xbf\xbd"
            "1m\xef\xbf\xbd\n");
}

TEST(AnswerView, WithoutMarkdownMarksStay) {
  const Shown shown = {.columns = 12, .format = AnswerView::Format::kText};
  EXPECT_EQ(shown("# no **title** here"), "# no\n**title**\nhere\n");
}

TEST(AnswerView, ThoughtsAreDimAndSetOff) {
  Screen screen(40, 12);
  AnswerView view(AnswerView::Format::kMarkdown, Colours::kAnsi, [] { return TerminalSize{40, 12}; });
  for (const char c : std::string_view("Two **lines**\nof thought"))
    screen.write(view.thought(std::string(1, c)));
  screen.write(view.answer("The *answer*"));
  screen.write(view.finish());
  EXPECT_EQ(screen.text(true), "<2>Two **lines**<0>\n<2>of thought<0>\n\nThe <3>answer<0>\n");
}

// The line that grows is broken anew; what is settled stays as the terminal broke it.
TEST(AnswerView, AResizedTerminalShowsTheGrowingLineAnew) {
  Screen screen(40, 12);
  TerminalSize size = {40, 12};
  AnswerView view(AnswerView::Format::kMarkdown, Colours::kNone, [&] { return size; });
  screen.write(view.answer("settled\nthe quick brown fox jumps over the lazy"));
  screen.narrow(20);
  size.columns = 20;
  screen.write(view.answer(" dog and"));
  EXPECT_EQ(screen.text(), "settled\nthe quick brown fox\njumps over the lazy\ndog and\n");
}

// Only the end is written, so that nothing flickers and a log of the terminal is readable.
TEST(AnswerView, AppendingWritesOnlyWhatIsNew) {
  AnswerView view(AnswerView::Format::kMarkdown, Colours::kNone, [] { return TerminalSize{80, 24}; });
  EXPECT_EQ(view.answer("The capital"), "The capital");
  EXPECT_EQ(view.answer(" of France"), " of France");
  EXPECT_EQ(view.finish(), "\r\n");
}

// An unclosed mark at every word is no quadratic work.
TEST(AnswerView, HostileLinesTakeNoLongTime) {
  std::string line;
  for (int i = 0; i < 20000; ++i) line += "*a [b _c ` ";
  const Shown shown = {.columns = 80};
  EXPECT_FALSE(shown(line + "\n").empty());
}

}  // namespace
}  // namespace ferrum::cli
