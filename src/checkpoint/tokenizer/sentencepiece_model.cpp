#include "checkpoint/tokenizer/sentencepiece_model.h"

#include <cmath>

#include "base/log.h"
#include "checkpoint/tokenizer/protobuf.h"

namespace ferrum {
namespace {

using Field = ProtobufReader::Field;

enum class Algorithm : uint64_t { kUnigram = 1, kBpe = 2, kChar = 4 };

struct Trainer {
  Algorithm algorithm = Algorithm::kUnigram;
  bool byte_fallback = false;
  bool whitespace_as_suffix = false;
  int32_t unk = 0, bos = 1, eos = 2, pad = -1;
};

TokenizerSpec::Token read_piece(std::string_view message, size_t id, const std::string& source) {
  TokenizerSpec::Token token;
  ProtobufReader reader(message, source);
  for (Field field; reader.next(field);) {
    if (field.number == 1) token.spelling = field.bytes;
    if (field.number == 2) token.score = field.as_float();
    if (field.number == 3) {
      const auto kind = sentencepiece_kind(field.value);
      if (!kind)
        fail(ErrorCode::kBadFile, "{}: pieces[{}].type is {}, expected 1 to 6", source, id, field.value);
      token.kind = *kind;
    }
  }
  if (token.spelling.empty()) log::warn("{}: pieces[{}].piece is empty: no text becomes it", source, id);
  if (!std::isfinite(token.score))
    fail(ErrorCode::kBadFile, "{}: pieces[{}].score is not finite", source, id);
  return token;
}

Trainer read_trainer(std::string_view message, const std::string& source) {
  Trainer trainer;
  ProtobufReader reader(message, source);
  for (Field field; reader.next(field);) {
    switch (field.number) {
      case 3:
        if (field.value != 1 && field.value != 2 && field.value != 4)
          fail(ErrorCode::kUnsupported,
               "{}: trainer_spec.model_type is {}; Ferrum knows 1 (unigram), 2 (BPE) and 4 (characters)",
               source, field.value);
        trainer.algorithm = static_cast<Algorithm>(field.value);
        break;
      case 24:
        trainer.whitespace_as_suffix = field.value != 0;
        break;
      case 35:
        trainer.byte_fallback = field.value != 0;
        break;
      case 40:
        trainer.unk = static_cast<int32_t>(field.value);
        break;
      case 41:
        trainer.bos = static_cast<int32_t>(field.value);
        break;
      case 42:
        trainer.eos = static_cast<int32_t>(field.value);
        break;
      case 43:
        trainer.pad = static_cast<int32_t>(field.value);
        break;
      default:
        break;
    }
  }
  return trainer;
}

NormalizeSentencePiece read_normalizer(std::string_view message, const std::string& source) {
  NormalizeSentencePiece normalizer;
  ProtobufReader reader(message, source);
  for (Field field; reader.next(field);) {
    if (field.number == 2) normalizer.charsmap = field.bytes;
    if (field.number == 3) normalizer.add_dummy_prefix = field.value != 0;
    if (field.number == 4) normalizer.remove_extra_whitespaces = field.value != 0;
    if (field.number == 5) normalizer.escape_whitespaces = field.value != 0;
  }
  return normalizer;
}

ModelSpec model_of(const Trainer& trainer) {
  switch (trainer.algorithm) {
    case Algorithm::kUnigram:
      return UnigramSpec{.byte_fallback = trainer.byte_fallback, .single_precision = true};
    case Algorithm::kBpe:
    case Algorithm::kChar:
      break;
  }
  return BpeSpec{.by_score = true, .byte_fallback = trainer.byte_fallback, .fuse_unknown = true};
}

void name_special_tokens(const Trainer& trainer, TokenizerSpec& spec) {
  const auto known = [&](int32_t id) {
    return id >= 0 && static_cast<size_t>(id) < spec.tokens.size() ? std::optional<TokenId>(id)
                                                                   : std::nullopt;
  };
  const auto structural = [&](int32_t id) {
    const auto token = known(id);
    return token && spec.tokens[static_cast<size_t>(*token)].kind == TokenKind::kControl ? token
                                                                                         : std::nullopt;
  };
  spec.special.bos = structural(trainer.bos);
  spec.special.eos = structural(trainer.eos);
  spec.special.pad = structural(trainer.pad);
  for (size_t id = 0; id < spec.tokens.size(); ++id)
    if (spec.tokens[id].kind == TokenKind::kUnknown) spec.unknown = static_cast<TokenId>(id);
  if (!spec.unknown) spec.unknown = known(trainer.unk);
  spec.special.unk = spec.unknown;
  spec.special.add_bos = spec.special.bos.has_value();
  spec.special.add_eos = !spec.special.add_bos && spec.special.eos;
  if (spec.special.add_bos) spec.prefix = {*spec.special.bos};
  if (spec.special.add_eos) spec.suffix = {*spec.special.eos};
}

}  // namespace

TokenizerSpec read_sentencepiece_model(std::string_view bytes, const std::string& source) {
  TokenizerSpec spec;
  spec.source = source;
  spec.tokens_field = "pieces";
  Trainer trainer;
  NormalizeSentencePiece normalizer;
  ProtobufReader reader(bytes, source);
  for (Field field; reader.next(field);) {
    if (field.number == 1) spec.tokens.push_back(read_piece(field.bytes, spec.tokens.size(), source));
    if (field.number == 2) trainer = read_trainer(field.bytes, source);
    if (field.number == 3) normalizer = read_normalizer(field.bytes, source);
  }
  normalizer.whitespace_as_suffix = trainer.whitespace_as_suffix;
  spec.model = model_of(trainer);
  name_special_tokens(trainer, spec);

  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    const TokenKind kind = spec.tokens[id].kind;
    AddedToken token{.id = static_cast<TokenId>(id)};
    // User-defined pieces are words among words: they end no word and begin none.
    if (kind == TokenKind::kUserDefined) token.match = AddedToken::Match::kNormalizedTextVerbatim;
    if (kind == TokenKind::kUserDefined || kind == TokenKind::kControl || kind == TokenKind::kUnknown)
      spec.added.push_back(token);
  }
  const bool drops_first_space = !normalizer.whitespace_as_suffix &&
                                 (normalizer.add_dummy_prefix || normalizer.remove_extra_whitespaces);
  spec.normalizer = {std::move(normalizer)};
  spec.decoder = {DecodeReplace{{TextPattern::Kind::kLiteral, "▁"}, " "}, DecodeByteFallback{}, DecodeFuse{}};
  if (drops_first_space) spec.decoder.emplace_back(DecodeStrip{});
  return spec;
}

std::optional<TokenKind> sentencepiece_kind(uint64_t type) {
  switch (type) {
    case 1:
      return TokenKind::kNormal;
    case 2:
      return TokenKind::kUnknown;
    case 3:
      return TokenKind::kControl;
    case 4:
      return TokenKind::kUserDefined;
    case 5:
      return TokenKind::kUnused;
    case 6:
      return TokenKind::kByte;
    default:
      return std::nullopt;
  }
}

}  // namespace ferrum
