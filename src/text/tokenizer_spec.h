// The data that a Tokenizer is made from, common to all tokenizer files.
//
// The steps are those of Hugging Face tokenizers (https://huggingface.co/docs/tokenizers/components), which
// can express the other formats too, and SentencePiece's own normalisation, which they cannot express.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "text/token.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

namespace ferrum {

struct TextPattern {
  enum class Kind {
    kLiteral,
    kRegex
  };  // every regex is in the syntax of Oniguruma (Ruby), whatever file it comes from
  Kind kind = Kind::kRegex;
  std::string text;
};

// ---- normalisation: text to text ----

struct NormalizeUnicode {
  unicode::Form form = unicode::Form::kNfc;
};
struct Lowercase {};
struct StripAccents {};  // drops every mark (M*)
struct NormalizeNmt {};  // drops control characters, makes unusual spaces plain
struct ReplacePattern {
  TextPattern pattern;
  std::string with;
};
struct PrependText {  // prepends to a text that is not empty
  std::string text;
};
enum class Sides { kLeft, kRight, kBoth };
struct StripWhitespace {
  Sides sides = Sides::kBoth;
};
struct ApplyCharsmap {  // SentencePiece's precompiled map, applied grapheme by grapheme as Hugging Face does
  std::string charsmap;
};
struct NormalizeBert {
  bool clean_text = true;
  bool separate_chinese = true;
  bool strip_accents = true;
  bool lowercase = true;
};
struct NormalizeSentencePiece {
  std::string charsmap;  // may be empty
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  bool whitespace_as_suffix = false;
};
struct SpellBytes {};  // replaces every byte with its letter in GPT-2's byte alphabet

using NormalizeStep =
    std::variant<NormalizeUnicode, Lowercase, StripAccents, NormalizeNmt, ReplacePattern, PrependText,
                 StripWhitespace, ApplyCharsmap, NormalizeBert, NormalizeSentencePiece, SpellBytes>;

// ---- pre-tokenisation: text to pieces; no token spans two pieces ----

enum class SplitBehavior { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

struct SplitPattern {
  TextPattern pattern;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // split at text that the pattern does not match
};
struct SplitByteLevel {
  bool add_prefix_space = false;
  bool use_regex = true;  // split by GPT-2's pattern; in any case pieces become bytes
};
struct SplitDigits {
  bool individually = false;
};
struct SplitPunctuation {
  SplitBehavior behavior = SplitBehavior::kIsolated;
};
struct SplitWhitespace {};
struct SplitBert {};  // whitespace removed, punctuation isolated
struct SplitFixedLength {
  size_t characters = 5;
};
struct SplitScripts {};  // between Unicode scripts, as SentencePiece's trainer splits
struct SplitMetaspace {
  enum class Prepend { kAlways, kFirst, kNever };
  std::string replacement = "▁";
  Prepend prepend = Prepend::kAlways;
  bool split = true;
};

using PretokenizeStep =
    std::variant<SplitPattern, SplitByteLevel, SplitDigits, SplitPunctuation, SplitWhitespace, SplitBert,
                 SplitFixedLength, SplitScripts, SplitMetaspace>;

// ---- models: piece to ids ----

// Pairs are joined in the order of `merges` or, if there are none, by descending score (SentencePiece).
struct BpeSpec {
  std::vector<std::pair<std::string, std::string>> merges;
  bool by_score = false;
  bool ignore_merges = false;  // a piece that is a token is not split
  bool byte_fallback = false;  // characters without a token are spelled in byte tokens, <0x00> … <0xFF>
  bool fuse_unknown = false;
  std::string continuing_prefix;  // before every character but a piece's first
  std::string word_suffix;        // after a piece's last character
  // A merge of or into something that is no token: an error, or a step on the way to longer tokens, which is
  // spelled in single letters where it remains, as llama.cpp does.
  enum class Untokened { kRefused, kJoined };
  Untokened untokened = Untokened::kRefused;
};
struct UnigramSpec {
  bool byte_fallback = false;
  bool single_precision = false;  // sums of scores are rounded to float32, as in SentencePiece's library
  bool own_scores = false;        // user-defined tokens compete by score; otherwise (SentencePiece) they win
};
struct WordPieceSpec {
  std::string word_prefix;                          // of a word's first token ("▁" in GGUF files)
  std::string continuing_prefix = "##";             // of the other tokens
  std::optional<size_t> max_word_characters = 100;  // longer words are unknown
};
struct WordLevelSpec {};

using ModelSpec = std::variant<BpeSpec, UnigramSpec, WordPieceSpec, WordLevelSpec>;

// ---- decoding: ids to text ----

struct DecodeByteLevel {};
struct DecodeByteFallback {};
struct DecodeFuse {};
struct DecodeMetaspace {
  std::string replacement = "▁";
  bool drop_leading = true;  // in the first token
};
struct DecodeReplace {
  TextPattern pattern;
  std::string with;
};
// Removes up to `start` occurrences of `content` from a token's beginning and `stop` from its end. Tokens
// fused by an earlier step are one token.
struct DecodeStrip {
  std::string content = " ";
  size_t start = 1;
  size_t stop = 0;
};
struct DecodeWordPiece {
  std::string prefix = "##";
  bool cleanup = true;
};
struct DecodeSuffix {  // "</w>" ends a word: replaced by a space, but removed from the last token
  std::string suffix;
};
struct DecodeCtc {  // a token that repeats the previous one counts once
  std::string padding = "<pad>";
  std::string word_delimiter = "|";  // replaced by a space if `cleanup`
  bool cleanup = true;
};
struct DecodeSpaced {};  // a space between tokens: the default for a file without a decoder

using DecodeStep =
    std::variant<DecodeByteLevel, DecodeByteFallback, DecodeFuse, DecodeMetaspace, DecodeReplace, DecodeStrip,
                 DecodeWordPiece, DecodeSuffix, DecodeCtc, DecodeSpaced>;

// ---- the whole ----

// A token that is looked for in the text itself, before the model sees it.
struct AddedToken {
  enum class Match {
    kRawText,                 // in the text before normalisation
    kNormalizedText,          // in the normalised text, with its spelling normalised too
    kNormalizedTextVerbatim,  // in the normalised text, with its spelling as it is
  };
  TokenId id = 0;
  Match match = Match::kRawText;
  bool strip_left = false;   // takes the white space before it
  bool strip_right = false;  // takes the white space after it
  bool single_word = false;  // only between characters that are neither letters nor digits

  bool operator==(const AddedToken&) const = default;
};

struct TokenizerSpec {
  struct Token {
    std::string spelling;
    TokenKind kind = TokenKind::kNormal;
    double score = 0;
    bool is_added = false;  // found in the text itself only: not part of the model's vocabulary
  };

  std::string source;        // the file's name, for messages
  std::string tokens_field;  // the name of the vocabulary's field, for messages
  std::string merges_field;
  std::vector<Token> tokens;                             // by id; a hole has an empty spelling
  std::vector<std::pair<std::string, TokenId>> aliases;  // further spellings, for encoding only
  ModelSpec model;
  std::optional<TokenId> unknown;  // for text that the model cannot spell; nullopt: such text is dropped
  std::vector<AddedToken> added;
  std::vector<NormalizeStep> normalizer;
  std::vector<PretokenizeStep> pretokenizer;
  std::vector<DecodeStep> decoder;
  std::vector<TokenId> prefix, suffix;  // what add_special puts before and after a text
  Tokenizer::Special special;
};

}  // namespace ferrum
