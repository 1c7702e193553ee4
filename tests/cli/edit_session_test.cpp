// Keys and what they do to an entry.
#include "cli/terminal/edit_session.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "support/files.h"
#include "support/paths.h"
#include "support/screen.h"

namespace ferrum::cli {
namespace {

using Result = EditSession::Result;

std::vector<KeyPress> keys_of(std::string_view bytes, size_t piece = 1000) {
  KeyDecoder decoder;
  std::vector<KeyPress> keys;
  for (size_t i = 0; i < bytes.size(); i += piece) {
    decoder.feed(bytes.substr(i, piece));
    while (std::optional<KeyPress> key = decoder.next()) keys.push_back(*key);
  }
  return keys;
}

TEST(Keys, WhatTerminalsSend) {
  const std::vector<std::pair<Key, std::vector<std::string>>> table = {
      {Key::kHome, {"\x1b[H", "\x1b[1~", "\x1b[7~", "\x1bOH"}},
      {Key::kEnd, {"\x1b[F", "\x1b[4~", "\x1b[8~", "\x1bOF"}},
      {Key::kDelete, {"\x1b[3~", "\x1b[3;2~", "\x1b[3$"}},
      {Key::kUp, {"\x1b[A", "\x1bOA", "\x1b[a", "\x1b[1;2A"}},
      {Key::kLeft, {"\x1b[D", "\x1b[1D", "\x1b[2D", "\x1b[1;2D", "\x1b[d"}},
      // xterm and tmux, PuTTY, rxvt, Alt as a modifier and as a prefix, Alt-B.
      {Key::kWordLeft,
       {"\x1b[1;5D", "\x1b[5D", "\x1bOD", "\x1bOd", "\x1b[1;3D", "\x1b\x1b[D",
        "\x1b"
        "b"}},
      {Key::kWordRight,
       {"\x1b[1;5C", "\x1b[5C", "\x1bOC", "\x1bOc", "\x1b[1;3C", "\x1b\x1b[C",
        "\x1b"
        "f"}},
      {Key::kEraseWordLeft, {"\x1b\x7f", "\x1b\b", "\x1b[127;5u"}},
      {Key::kEraseWordRight,
       {"\x1b"
        "d",
        "\x1b[3;5~", "\x1b[3^", "\x1b[3;3~"}},
      {Key::kNewLine, {"\x1b\r", "\x1b\n", "\x1b[13;2u", "\x1b[27;2;13~"}},
      {Key::kEnter, {"\r", "\n", "\x1bOM", "\x1b[13u"}},
      {Key::kBackspace, {"\x7f", "\b"}},
      {Key::kPageUp, {"\x1b[5~"}},
  };
  for (const auto& [key, sequences] : table)
    for (const std::string& bytes : sequences)
      for (const size_t piece : {1000u, 1u})
        EXPECT_EQ(keys_of(bytes, piece), std::vector{KeyPress{key}}) << bytes.substr(1);
  EXPECT_EQ(keys_of("\x12\x1b[99;5u"), (std::vector<KeyPress>{{Key::kControl, "r"}, {Key::kControl, "c"}}));
  // Function keys, focus reports and the like are no text.
  EXPECT_EQ(keys_of("\x1b[11~\x1b[[A\x1bOP\x1b[I\x1b[2~\x1b[<0;1;2M"
                    "x"),
            (std::vector{KeyPress{Key::kText, "x"}}));
}

TEST(Keys, TextAndPasteArriveInAnyPieces) {
  const std::string bytes = "g\xc3\xbc\x1b[200~a\r\nb\rc\x1b[31m\td\x1b[201~\xe4\xbd\xa0\r";
  std::string text;
  for (const size_t piece : {1u, 2u, 3u, 1000u}) {
    std::string all;
    for (const KeyPress& key : keys_of(bytes, piece)) {
      if (key.key == Key::kPaste) {
        EXPECT_EQ(key.text, "a\nb\nc[31m\td");
      }
      all += key.key == Key::kEnter ? "\n" : key.text;
    }
    EXPECT_EQ(all,
              "g\xc3\xbc"
              "a\nb\nc[31m\td\xe4\xbd\xa0\n");
  }
}

TEST(Keys, AnEscapeAloneIsAKeyOnceNothingFollows) {
  KeyDecoder decoder;
  decoder.feed("\x1b");
  EXPECT_FALSE(decoder.next());
  EXPECT_TRUE(decoder.awaits_sequence());
  EXPECT_EQ(decoder.give_up(), KeyPress{Key::kEscape});
  EXPECT_FALSE(decoder.awaits_sequence());
}

class EditSessionTest : public testing::Test {
 protected:
  // The entry after these keys.
  std::string type(std::string_view bytes) {
    EditSession session(">>> ", history_, completer_);
    for (const KeyPress& key : keys_of(bytes)) last_ = session.press(key);
    return session.text();
  }
  std::string seen(std::string_view bytes, int columns, int rows = 10) {
    EditSession session(">>> ", history_, completer_);
    LiveRows live;
    test::Screen screen(columns, rows);
    for (const KeyPress& key : keys_of(bytes, 1)) {
      session.press(key);
      EditSession::View view = session.view({columns, rows});
      screen.write(live.show(view.rows, {columns, rows}, view.cursor));
    }
    cursor_ = {screen.cursor_row(), screen.cursor_column()};
    return screen.text();
  }

  InputHistory history_{std::filesystem::path()};
  Completer completer_;
  Result last_ = Result::kGoesOn;
  std::pair<size_t, size_t> cursor_;
};

TEST_F(EditSessionTest, EditsByCharactersAndWords) {
  EXPECT_EQ(type("abc\x1b[D\x1b[DX"), "aXbc");
  EXPECT_EQ(type("ge\xcc\x81\x7f"), "g") << "a letter with its accent is one";
  EXPECT_EQ(type("one two three\x1b[1;5D\x1b[1;5DX"), "one Xtwo three");
  EXPECT_EQ(type("one two three\x17\x17"), "one ");
  EXPECT_EQ(type("one two\x01\x1b"
                 "d\x05!"),
            " two!");
  EXPECT_EQ(type("one two\x15\x19\x19"), "one twoone two");
  EXPECT_EQ(type("ab\x02\x0b"
                 "c"),
            "ac");
  EXPECT_EQ(type("half\x03"
                 "x"),
            "x");
  EXPECT_EQ(type("ab\x01\x04"), "b");
  type("\x04");
  EXPECT_EQ(last_, Result::kEndOfInput);
}

TEST_F(EditSessionTest, SeveralLinesAreOneEntry) {
  EXPECT_EQ(type("a\x1b\rb\r"), "a\nb");
  EXPECT_EQ(last_, Result::kEntered);
  EXPECT_EQ(type("\x1b[200~first\nsecond\n\x1b[201~!"), "first\nsecond\n!") << "a paste does not enter";
  EXPECT_EQ(last_, Result::kGoesOn);
  EXPECT_EQ(type("\"\"\"a\rb\"\"\"\r"), "\"\"\"a\nb\"\"\"");
  EXPECT_EQ(last_, Result::kEntered);
  EXPECT_EQ(without_fences("\"\"\"a\nb\"\"\""), "a\nb");
  EXPECT_EQ(without_fences("\"\"\""), "\"\"\"");
  EXPECT_EQ(type("abc\x1b\rd\x1b[AX"), "aXbc\nd") << "up to the same column";
  EXPECT_EQ(type("abc\x1b\rdef\x1b[A\x1b[HX\x1b[B\x1b[FY"), "Xabc\ndefY");
}

TEST_F(EditSessionTest, OlderEntriesComeBack) {
  for (const char* entry : {"first", "\"\"\"two\nlines\"\"\"", "third"}) history_.add(entry);
  EXPECT_EQ(type("\x1b[A"), "third");
  EXPECT_EQ(type("\x1b[A\x1b[A"), "\"\"\"two\nlines\"\"\"");
  EXPECT_EQ(type("\x1b[A\x1b[A\x1b[A\x1b[A"), "first") << "through the block's lines";
  EXPECT_EQ(type("new\x1b[A\x1b[B"), "new");
  EXPECT_EQ(type("\x12ir"), "third");
  EXPECT_EQ(type("\x12ir\x12"), "first");
  EXPECT_EQ(type("\x12ir\x12\x12"), "first") << "there is none before it";
  EXPECT_EQ(type("kept\x12ir\x07"), "kept");
  EXPECT_EQ(type("\x12ir\x05!"), "third!");
  EXPECT_EQ(seen("\x12two", 40), "search 'two': \"\"\"two\n... lines\"\"\"\n");
}

TEST_F(EditSessionTest, TabCompletesAsFarAsItCan) {
  completer_ = [](std::string_view before) {
    const size_t begin = before.rfind(' ') + 1;
    Completion completion = {begin, {}};
    for (const char* word : {"folder/", "/save", "/set", "/stats"})
      if (std::string_view(word).starts_with(before.substr(begin))) completion.candidates.emplace_back(word);
    return completion;
  };
  EXPECT_EQ(type("/sa\t"), "/save ");
  EXPECT_EQ(type("x fo\t"), "x folder/");
  EXPECT_EQ(type("/\t"), "/s");
  EXPECT_EQ(seen("/\t\t", 40), ">>> /s\n/save   /set    /stats\n");
  EXPECT_EQ(cursor_, (std::pair<size_t, size_t>{0, 6}));
  EXPECT_EQ(seen("/\t\te", 40), ">>> /se\n") << "the next key takes them away";
}

TEST_F(EditSessionTest, LongEntriesAreBrokenAtTheMargin) {
  EXPECT_EQ(seen("abcdefgh", 10), ">>> abcdef\ngh\n");
  EXPECT_EQ(seen("abcdef", 10), ">>> abcdef\n");
  EXPECT_EQ(cursor_, (std::pair<size_t, size_t>{1, 0}));
  EXPECT_EQ(seen("abcd\x1b[D\x1b[D\x1b[D"
                 "\xe4\xbd\xa0",
                 9),
            ">>> a\xe4\xbd\xa0"
            "bc\nd\n");
  EXPECT_EQ(cursor_, (std::pair<size_t, size_t>{0, 7}));
  EXPECT_EQ(seen("a\x1b\rb\x1b\rc", 10), ">>> a\n... b\n... c\n");
  EXPECT_EQ(seen("abcdefghij\x7f\x7f\x7f\x7f\x7f", 10), ">>> abcde\n");
}

// What stands above the entry stays, the entry is shown whole, and the cursor is where it was in the text:
// whatever the terminal does with its rows, wherever in the entry the cursor is, and to and fro.
TEST_F(EditSessionTest, AResizedTerminalShowsTheEntryAnew) {
  const std::string entry = "one two three four five six seven\x1b\rand a second line of the entry";
  constexpr int kRows = 30;
  for (const Narrowing narrowing : {Narrowing::kWraps, Narrowing::kCuts})
    for (const char* const keys : {"", "\x1b[H", "\x1b[A", "\x1b[A\x1b[H", "\x1b[D\x1b[D"})
      for (const int narrow : {39, 34, 20, 11, 7}) {
        SCOPED_TRACE(testing::Message() << static_cast<int>(narrowing) << " " << narrow << " " << keys);
        EditSession session(">>> ", history_, completer_);
        test::Screen screen(40, kRows);
        screen.write("an answer that must not be erased\r\nand its last line\r\n");
        LiveRows live;
        const auto draw = [&](int columns) {
          const TerminalSize size = {columns, kRows, narrowing};
          EditSession::View view = session.view(size);
          screen.write(live.show(view.rows, size, view.cursor));
        };
        const auto expect_whole = [&](int columns) {
          test::Screen fresh(columns, kRows);
          LiveRows rows;
          const EditSession::View view = session.view({columns, kRows});
          fresh.write(rows.show(view.rows, {columns, kRows}, view.cursor));
          const std::string text = screen.text();
          EXPECT_TRUE(text.ends_with("\n" + fresh.text())) << text;
          EXPECT_EQ(screen.cursor_column(), fresh.cursor_column());
          const auto lines = [](const std::string& all) { return std::count(all.begin(), all.end(), '\n'); };
          EXPECT_EQ(lines(text) - lines(fresh.text()),
                    static_cast<long>(screen.cursor_row() - fresh.cursor_row()));
        };
        for (const KeyPress& key : keys_of(entry + keys)) session.press(key);
        draw(40);
        narrowing == Narrowing::kWraps ? screen.narrow(narrow) : screen.cut(narrow);
        const std::string kept = screen.text().substr(0, screen.text().find(">>> "));
        draw(narrow);
        expect_whole(narrow);
        EXPECT_TRUE(screen.text().starts_with(kept)) << screen.text();
        if (narrowing == Narrowing::kWraps) continue;  // and would join what it broke
        screen.widen(40);
        draw(40);
        expect_whole(40);
        EXPECT_TRUE(screen.text().starts_with(kept)) << screen.text();
      }
}

TEST_F(EditSessionTest, AnEntryHigherThanTheScreenShowsTheCursor) {
  std::string many;
  for (int i = 0; i < 30; ++i) many += std::to_string(i) + "\x1b\r";
  EditSession session(">>> ", history_, completer_);
  for (const KeyPress& key : keys_of(many)) session.press(key);
  EditSession::View view = session.view({20, 8});
  EXPECT_EQ(view.rows.size(), 8u);
  EXPECT_EQ(view.cursor.row, 7);
  EXPECT_EQ(session.final_view({20, 8}).rows.size(), 31u);
}

TEST(InputHistory, IsKeptForItsOwnerAlone) {
  const test::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "state" / "history";
  {
    InputHistory history(file);
    for (const char* entry : {"one", "one", " ", "two\nlines \\n", "last"}) history.add(entry);
    EXPECT_EQ(history.size(), 3u);
  }
  struct stat state {};
  ASSERT_EQ(stat(file.c_str(), &state), 0);
  EXPECT_EQ(state.st_mode & 0777, 0600u);
  const InputHistory history(file);
  ASSERT_EQ(history.size(), 3u);
  EXPECT_EQ(history[1], "two\nlines \\n");
  EXPECT_EQ(history.find_before(3, "n"), 1u);
  EXPECT_FALSE(history.find_before(3, "absent"));
}

TEST(InputHistory, ReadsTheFileOfEarlierVersions) {
  const test::TemporaryFolder folder;
  const std::filesystem::path file = folder.write("history", "_HiStOrY_V2_\nhello\\040there\n/bye\n");
  const InputHistory history(file);
  ASSERT_EQ(history.size(), 2u);
  EXPECT_EQ(history[0], "hello there");
  EXPECT_EQ(test::read_file(file), "hello there\n/bye\n");
}

}  // namespace
}  // namespace ferrum::cli
