#include "checkpoint/tokenizer/tokenizer_json_text.h"

#include <limits>

#include "base/error.h"

namespace ferrum {
namespace {

constexpr size_t kMostLevels = 128;

// Of segmentations whose scores add up to the same the last bits decide, so they must be those of Hugging
// Face's library. It reads numbers as serde_json does (f64_from_parts of its de.rs): as many digits as 64
// bits hold, rounded to a double, and then divided by a power of ten, rounded again. `exact`: the nearest
// double, for numbers that are not of this form.
double score_as_tokenizers_reads_it(std::string_view text, double exact) {
  constexpr int kMostPower = 22;  // powers of ten that are exact
  const bool is_negative = text.starts_with('-');
  uint64_t digits = 0;
  int decimals = 0;
  bool has_point = false;
  for (const char c : text.substr(is_negative ? 1 : 0)) {
    if (c == '.') {
      has_point = true;
      continue;
    }
    if (c < '0' || c > '9') return exact;  // an exponent
    const auto digit = static_cast<uint64_t>(c - '0');
    if (digits > (std::numeric_limits<uint64_t>::max() - digit) / 10) {
      if (!has_point) return exact;
      break;
    }
    digits = digits * 10 + digit;
    if (has_point) ++decimals;
  }
  if (decimals > kMostPower) return exact;
  double power = 1;
  for (int i = 0; i < decimals; ++i) power *= 10;
  const double value = static_cast<double>(digits) / power;
  return is_negative ? -value : value;
}

// Receives the events of nlohmann's SAX parser.
class Handler {
 public:
  enum class Whole { kTokenizer, kVocabulary };  // what the text is
  Handler(TokenizerJson& out, const std::string& source, Whole whole)
      : out_(out), source_(source), whole_(whole) {}

  bool null() { return value(nullptr); }
  bool boolean(bool b) { return value(b); }
  bool number_integer(int64_t n) { return number(n); }
  bool number_unsigned(uint64_t n) { return number(n); }
  bool number_float(double n, const std::string& text) {
    return number(place_ == Place::kVocabPair ? score_as_tokenizers_reads_it(text, n) : n);
  }
  bool binary(Json::binary_t&) { return false; }

  bool string(std::string& text) {
    switch (place_) {
      case Place::kTree:
        return value(std::move(text));
      case Place::kVocabPair:
        if (pair_size_++ == 0) {
          out_.vocab.push_back({std::move(text), static_cast<int64_t>(out_.vocab.size()), 0});
          return true;
        }
        refuse();
      case Place::kMerges:
        out_.merges.push_back({std::move(text), "", true});
        return true;
      case Place::kMergePair:
        if (pair_size_++ == 0) {
          out_.merges.push_back({std::move(text), ""});
          return true;
        }
        if (pair_size_ == 2) {
          out_.merges.back().right = std::move(text);
          return true;
        }
        refuse();
      default:
        refuse();
    }
  }

  bool start_object(size_t) {
    const bool is_vocabulary = is_model_member("vocab") || (whole_ == Whole::kVocabulary && stack_.empty());
    if (place_ == Place::kTree && is_vocabulary) {
      place_ = Place::kVocab;
      out_.has_vocab = true;
      return true;
    }
    return start(Json::object());
  }
  bool start_array(size_t) {
    if (place_ == Place::kTree && is_model_member("vocab")) {
      place_ = Place::kVocabWithScores;
      out_.has_vocab = out_.vocab_has_scores = true;
    } else if (place_ == Place::kTree && is_model_member("merges")) {
      place_ = Place::kMerges;
      out_.has_merges = true;
    } else if (place_ == Place::kVocabWithScores) {
      place_ = Place::kVocabPair;
      pair_size_ = 0;
    } else if (place_ == Place::kMerges) {
      place_ = Place::kMergePair;
      pair_size_ = 0;
    } else {
      return start(Json::array());
    }
    return true;
  }

  bool key(std::string& name) {
    if (place_ == Place::kVocab) {
      out_.vocab.push_back({std::move(name), 0, 0});
      return true;
    }
    const bool is_model_part = stack_.size() == 2 && is_in_model_;
    const bool seen = stack_.back()->contains(name) || (is_model_part && name == "vocab" && out_.has_vocab) ||
                      (is_model_part && name == "merges" && out_.has_merges);
    if (seen) fail(ErrorCode::kBadFile, "{}: duplicate key {}", source_, in_quotes(name));
    if (stack_.size() == 1) is_in_model_ = name == "model";
    key_ = std::move(name);
    return true;
  }

  bool end_object() {
    if (place_ == Place::kVocab)
      place_ = Place::kTree;
    else
      stack_.pop_back();
    return true;
  }
  bool end_array() {
    switch (place_) {
      case Place::kVocabPair:
        if (pair_size_ != 2) refuse();
        place_ = Place::kVocabWithScores;
        return true;
      case Place::kMergePair:
        if (pair_size_ != 2) refuse();
        place_ = Place::kMerges;
        return true;
      case Place::kVocabWithScores:
      case Place::kMerges:
        place_ = Place::kTree;
        return true;
      default:
        stack_.pop_back();
        return true;
    }
  }

  bool parse_error(size_t position, const std::string&, const Json::exception&) {
    fail(ErrorCode::kBadFile, "{}: not valid JSON at byte {}", source_, position);
  }

 private:
  enum class Place { kTree, kVocab, kVocabWithScores, kVocabPair, kMerges, kMergePair };

  bool is_model_member(std::string_view name) const {
    return stack_.size() == 2 && is_in_model_ && stack_.back()->is_object() && key_ == name;
  }

  [[noreturn]] void refuse() const {
    switch (place_) {
      case Place::kMerges:
      case Place::kMergePair:
        fail(ErrorCode::kBadFile, "{}: model.merges[{}] is neither a string nor two tokens", source_,
             out_.merges.size() - (place_ == Place::kMergePair && pair_size_ > 0 ? 1 : 0));
      case Place::kVocab:
        fail(ErrorCode::kBadFile, "{}: {}[{}] is no id", source_,
             whole_ == Whole::kTokenizer ? "model.vocab" : "the vocabulary",
             in_quotes(out_.vocab.back().spelling));
      default:
        fail(ErrorCode::kBadFile, "{}: model.vocab[{}] is not a token and its score", source_,
             out_.vocab.size() - (pair_size_ > 0 ? 1 : 0));
    }
  }

  template <class Number>
  bool number(Number n) {
    if (place_ == Place::kTree) return value(n);
    if (place_ == Place::kVocabPair && pair_size_ == 1) {
      ++pair_size_;
      out_.vocab.back().score = static_cast<double>(n);
      return true;
    }
    if constexpr (std::is_integral_v<Number>) {
      if (place_ == Place::kVocab && n >= 0 &&
          static_cast<uint64_t>(n) <= uint64_t{std::numeric_limits<int64_t>::max()}) {
        out_.vocab.back().id = static_cast<int64_t>(n);
        return true;
      }
    }
    refuse();
  }

  Json& place_value(Json&& v) {
    if (stack_.empty()) return out_.rest = std::move(v);
    Json& parent = *stack_.back();
    if (parent.is_array()) return parent.emplace_back(std::move(v));
    return parent[key_] = std::move(v);
  }
  bool value(Json v) {
    if (place_ != Place::kTree) refuse();
    place_value(std::move(v));
    return true;
  }
  bool start(Json container) {
    if (place_ != Place::kTree) refuse();
    if (stack_.size() >= kMostLevels)
      fail(ErrorCode::kBadFile, "{}: JSON nested deeper than {} levels", source_, kMostLevels);
    stack_.push_back(&place_value(std::move(container)));
    return true;
  }

  TokenizerJson& out_;
  const std::string& source_;
  Whole whole_;
  Place place_ = Place::kTree;
  size_t pair_size_ = 0;
  std::vector<Json*>
      stack_;  // containers that are open; an array's elements are not added to while one is open
  std::string key_;
  bool is_in_model_ = false;
};

}  // namespace

TokenizerJson parse_tokenizer_json(std::string_view text, const std::string& source) {
  TokenizerJson out;
  Handler handler(out, source, Handler::Whole::kTokenizer);
  Json::sax_parse(text, &handler);
  return out;
}

std::vector<TokenizerJson::Entry> parse_vocabulary_json(std::string_view text, const std::string& source) {
  TokenizerJson out;
  Handler handler(out, source, Handler::Whole::kVocabulary);
  Json::sax_parse(text, &handler);
  if (!out.has_vocab) fail(ErrorCode::kBadFile, "{}: is no object of tokens and ids", source);
  return std::move(out.vocab);
}

}  // namespace ferrum
