// What a grammar's source asks for and cannot be had exactly, or is no grammar at all: refused by name.
#pragma once
#include <string>

#include "base/error.h"

namespace ferrum::grammar {

// `keyword` names the construct ("uniqueItems", "pattern", "a backreference"), `path` the place in the
// source: a JSON Pointer into a schema ("#/properties/a"), or "line 3" of a grammar; empty where there is
// only one place.
class Refusal : public Error {
 public:
  Refusal(std::string keyword, std::string path, const std::string& text)
      : Error(ErrorCode::kBadArgument, sentence(keyword, path, text)),
        keyword_(std::move(keyword)),
        path_(std::move(path)) {}

  // `other`, where it is not obvious whose source is refused: "function f".
  Refusal(const std::string& subject, const Refusal& other)
      : Error(ErrorCode::kBadArgument, fmt::format("{}: {}", subject, other.what())),
        subject_(subject),
        keyword_(other.keyword_),
        path_(other.path_) {}

  const std::string& subject() const { return subject_; }  // empty: not said
  const std::string& keyword() const { return keyword_; }
  const std::string& path() const { return path_; }

 private:
  static std::string sentence(const std::string& keyword, const std::string& path, const std::string& text) {
    return path.empty() ? fmt::format("{}: {}", keyword, text)
                        : fmt::format("{} at {}: {}", keyword, path, text);
  }

  std::string subject_, keyword_, path_;
};

// The bounds of a compilation, in units of its own work: so that the same source is refused on every machine.
struct Limits {
  size_t max_source_bytes = size_t{8} << 20;
  size_t max_instructions = 100'000;  // of one pattern, its counted repetitions written out
  size_t max_states = 60'000;         // of one automaton
  size_t max_total_states = 2'000'000;
  size_t max_goals = 60'000;     // different conjunctions of schemas
  size_t max_shapes = 400;       // alternatives of one value
  size_t max_count = 1'000'000;  // of items, members or characters that a schema asks for
};

}  // namespace ferrum::grammar
