// Reads the fields of a JSON object by name, type and range, and records every field, so that none is
// silently ignored. A field that would change the answer is honoured or refused by name; a hint is accepted
// and reported; another engine's field with a value that asks for the usual behaviour is accepted.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/api/api_error.h"
#include "server/api/json.h"
#include "server/api/json_source.h"

namespace ferrum::server {

// How hints, the fields that do not change the answer, are treated: kReported accepts and reports them,
// kRefused refuses them like unsupported fields.
enum class Hints { kReported, kRefused };

// What is common to all objects of one request body: the refusals and ignored hints, and the body's text.
class FieldReport {
 public:
  FieldReport(const Json& body, Hints hints, std::string_view text)
      : body_(body), text_(text), hints_(hints) {}

  Hints hints() const { return hints_; }
  void ignore(const std::string& path);
  void refuse(const std::string& code, const std::string& path, const std::string& message);
  // Throws one ApiError (400) with all messages, and the code and `param` of the first refusal, if there is
  // one. A long list of messages is truncated.
  void check() const;
  // Paths of the accepted hints in the order of reading, without duplicates.
  const std::vector<std::string>& ignored() const { return ignored_; }
  std::string source(const Json& value);  // Fields::source

 private:
  struct Refusal {
    std::string code;
    std::string path;
    std::string message;
  };
  const Json& body_;
  std::string_view text_;
  std::optional<JsonSource> source_;  // once it was needed
  Hints hints_;
  std::vector<std::string> ignored_;
  std::vector<Refusal> refused_;
};

class Fields {
 public:
  // The body of a request, and its text if there is one. Both must outlive this object. 400 if it is not an
  // object.
  explicit Fields(const Json& body, Hints hints = Hints::kReported, std::string_view text = {});
  // An object nested in another one, whose report it shares. `path` names it in messages: "messages[0]".
  Fields(const Fields& parent, const Json& object, std::string path);

  // Values. A missing field and null both read as nullopt. A value of the wrong type or out of range also
  // reads as nullopt, and adds a refusal that refuse_others() or check() throws.
  const Json* find(const std::string& name);
  const Json& required(const std::string& name);  // throws at once if missing
  std::optional<bool> flag(const std::string& name);
  std::optional<int64_t> integer(const std::string& name, int64_t least, int64_t most);
  // A larger number reads as `most`: clients write one for no limit.
  std::optional<int64_t> clamped_integer(const std::string& name, int64_t least, int64_t most);
  std::optional<double> number(const std::string& name, double least, double most);
  std::optional<std::string> text(const std::string& name);
  const Json* object(const std::string& name);
  std::optional<std::vector<std::string>> texts(const std::string& name);  // a string or an array of strings
  std::optional<std::vector<int32_t>> integers(const std::string& name);   // token ids

  // The JSON text of a value within the body; of an object, as the client wrote it (json_source.h).
  std::string source(const Json& value) const { return report_->source(value); }

  // Accepts a field and reports it as ignored, unless its value is one of `neutral`, which asks for
  // nothing.
  void hint(const std::string& name, const std::vector<Json>& neutral = {});
  // Refuses an unsupported field, unless its value is one of `neutral`.
  void refuse(const std::string& name, const char* why, const std::vector<Json>& neutral = {});
  // Refuses the value of a field, for checks that the caller makes.
  void refuse_value(const std::string& name, const std::string& message, const char* code = "invalid_value");
  // Accepts every field that was not read, and reports it as ignored.
  void hint_others();
  // Refuses every field that was not read and is not null. For a request's body, throws all refusals.
  void refuse_others();
  // Throws all refusals so far, over all objects of the body.
  void check() const { report_->check(); }

  const std::vector<std::string>& ignored() const { return report_->ignored(); }
  std::string path_of(const std::string& name) const { return path_.empty() ? name : path_ + "." + name; }

 private:
  const Json& object_;
  std::string path_;
  std::shared_ptr<FieldReport> report_;
  std::set<std::string> known_;
};

}  // namespace ferrum::server
