// What every tokenizer file is turned into before a Tokenizer is made from it: data only.
//
// The steps are those of Hugging Face tokenizers (https://huggingface.co/docs/tokenizers/components), which
// the other formats can be said in, and SentencePiece's own normalisation, which cannot.
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
  };  // a regex is in the syntax of Oniguruma (Ruby), whatever file it is from
  Kind kind = Kind::kRegex;
  std::string text;
};

// ---- normalisation: text to text ----

struct NormalizeUnicode {
  unicode::Form form = unicode::Form::kNfc;
};
struct Lowercase {};
struct StripAccents {};  // drops every mark
struct NormalizeNmt {};  // drops control characters, makes odd spaces plain
struct ReplacePattern {
  TextPattern pattern;
  std::string with;
};
struct PrependText {  // to what is not empty
  std::string text;
};
enum class Sides { kLeft, kRight, kBoth };
struct StripWhitespace {
  Sides sides = Sides::kBoth;
};
struct ApplyCharsmap {  // SentencePiece's precompiled map as Hugging Face applies it, grapheme by grapheme
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
struct SpellBytes {};  // every byte becomes its letter of GPT-2's byte alphabet

using NormalizeStep =
    std::variant<NormalizeUnicode, Lowercase, StripAccents, NormalizeNmt, ReplacePattern, PrependText,
                 StripWhitespace, ApplyCharsmap, NormalizeBert, NormalizeSentencePiece, SpellBytes>;

// ---- pre-tokenisation: text to pieces that no token crosses ----

enum class SplitBehavior { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

struct SplitPattern {
  TextPattern pattern;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // what the pattern does not match is the delimiter
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
struct SplitScripts {};  // between Unicode scripts, as SentencePiece's trainer does
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

// Pairs are joined in the order of `merges`, or where there are none, best score first (SentencePiece).
struct BpeSpec {
  std::vector<std::pair<std::string, std::string>> merges;
  bool by_score = false;
  bool ignore_merges = false;  // a piece that is a token stays whole
  bool byte_fallback = false;  // what has no token is spelled by <0x00> … <0xFF>
  bool fuse_unknown = false;
  std::string continuing_prefix;  // of every character but a piece's first
  std::string word_suffix;        // of a piece's last character
};
struct UnigramSpec {
  bool byte_fallback = false;
  bool single_precision = false;  // sums of scores are rounded as SentencePiece's own library rounds them
  bool own_scores = false;        // of user-defined tokens, which SentencePiece prefers to all others
};
struct WordPieceSpec {
  std::string word_prefix;                          // of a word's first token ("▁" in GGUF files)
  std::string continuing_prefix = "##";             // of the others
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
// Removes up to `start` contents from a token's beginning and `stop` from its end. Tokens that were fused
// are one token.
struct DecodeStrip {
  std::string content = " ";
  size_t start = 1;
  size_t stop = 0;
};
struct DecodeWordPiece {
  std::string prefix = "##";
  bool cleanup = true;
};
struct DecodeSuffix {  // "</w>" ends a word: a space, but not after the last token
  std::string suffix;
};
struct DecodeCtc {  // a token that follows itself counts once
  std::string padding = "<pad>";
  std::string word_delimiter = "|";  // a space, if `cleanup`
  bool cleanup = true;
};
struct DecodeSpaced {};  // a space between tokens, which is what a file without a decoder asks for

using DecodeStep =
    std::variant<DecodeByteLevel, DecodeByteFallback, DecodeFuse, DecodeMetaspace, DecodeReplace, DecodeStrip,
                 DecodeWordPiece, DecodeSuffix, DecodeCtc, DecodeSpaced>;

// ---- the whole ----

// A token that is looked for in the text itself, before the model sees it.
struct AddedToken {
  enum class Match {
    kRawText,                 // before normalisation
    kNormalizedText,          // after it, the spelling being normalised too
    kNormalizedTextVerbatim,  // after it, with the spelling as it is
  };
  TokenId id = 0;
  Match match = Match::kRawText;
  bool strip_left = false;   // takes the white space before it
  bool strip_right = false;  // takes the white space after it
  bool single_word = false;  // only between characters that are no letters or digits
};

struct TokenizerSpec {
  struct Token {
    std::string spelling;
    TokenKind kind = TokenKind::kNormal;
    double score = 0;
    bool is_added = false;  // only found in the text itself: the model's vocabulary does not have it
  };

  std::string source;        // names the file in messages
  std::string tokens_field;  // and its fields
  std::string merges_field;
  std::vector<Token> tokens;                             // by id; a hole has no spelling
  std::vector<std::pair<std::string, TokenId>> aliases;  // further spellings, which encode but never decode
  ModelSpec model;
  std::optional<TokenId> unknown;  // what the model gives for what it cannot spell; nothing: it leaves it out
  std::vector<AddedToken> added;
  std::vector<NormalizeStep> normalizer;
  std::vector<PretokenizeStep> pretokenizer;
  std::vector<DecodeStep> decoder;
  std::vector<TokenId> prefix, suffix;  // what add_special puts around a text
  Tokenizer::Special special;
};

}  // namespace ferrum
