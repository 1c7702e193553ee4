#include "text/jinja/globals.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/error.h"
#include "text/jinja/cursor.h"
#include "text/jinja/failure.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/parameters.h"
#include "text/jinja/repr.h"

namespace ferrum::jinja {
namespace {

Value range(Runtime&, const Arguments& arguments) {
  const Parameters p("range", {"start", "stop", "step"}, arguments);
  const bool one = !p.find(1);
  return std::static_pointer_cast<Object>(
      std::make_shared<Range>(one ? 0 : p.integer(0), one ? p.integer(0) : p.integer(1), p.integer(2, 1)));
}

// dict(mapping or pairs, name=value, …)
Dict collect(Runtime& runtime, const Arguments& arguments) {
  Dict dict;
  if (arguments.positional.size() > 1)
    raise_error("dict expected at most 1 argument, got {}", arguments.positional.size());
  for (const Value& first : arguments.positional) {
    require_defined(first);
    if (const Dict* other = first.dict()) {
      for (const auto& [key, value] : other->entries()) dict.set(runtime.budget, key, value);
      continue;
    }
    Cursor cursor(runtime, first);
    while (const std::optional<Value> pair = cursor.next()) {
      std::vector<Value> items = items_of(runtime, *pair);
      if (items.size() != 2) raise_error("a dictionary's item has length {}; 2 is required", items.size());
      dict.set(runtime.budget, std::move(items[0]), std::move(items[1]));
    }
  }
  for (const auto& [name, value] : arguments.named)
    dict.set(runtime.budget, Text(name, Origin::kTemplate), value);
  return dict;
}

Value dict(Runtime& runtime, const Arguments& arguments) {
  return make_dict(runtime.budget, collect(runtime, arguments));
}

Value make_namespace(Runtime& runtime, const Arguments& arguments) {
  const Dict names = collect(runtime, arguments);
  const std::shared_ptr<Namespace> space = runtime.make_namespace();
  for (const auto& [key, value] : names.entries()) {
    if (!key.text()) raise_error("the names of a namespace are strings");
    space->set(runtime.budget, key.text()->view(), value);
  }
  return std::static_pointer_cast<Object>(space);
}

Value cycler(Runtime& runtime, const Arguments& arguments) {
  if (arguments.positional.empty() || !arguments.named.empty())
    raise_error("cycler() takes at least one item");
  return std::static_pointer_cast<Object>(
      std::make_shared<Cycler>(make_tuple(runtime.budget, arguments.positional)));
}

Value joiner(Runtime& runtime, const Arguments& arguments) {
  const Parameters p("joiner", {"sep"}, arguments);
  auto object = std::make_shared<Joiner>(p.find(0) ? *p.find(0) : Value(Text(", ", Origin::kTemplate)));
  runtime.budget.check_depth(object->depth());
  return std::static_pointer_cast<Object>(object);
}

Value raise_exception(Runtime& runtime, const Arguments& arguments) {
  const Parameters p("raise_exception", {"message"}, arguments);
  constexpr size_t kShown = 500;
  raise_error("{}", in_quotes(to_str(runtime, p.at(0)).view(), kShown));
}

Value strftime_now(Runtime& runtime, const Arguments& arguments) {
  const Parameters p("strftime_now", {"format"}, arguments);
  constexpr size_t kLongestResult = 4096;
  const Text& format = p.text(0);
  std::tm local{};
  localtime_r(&runtime.now, &local);
  std::array<char, kLongestResult> buffer{};
  TextBuilder out(runtime.budget);
  format.for_each_run([&](std::string_view run, Origin origin) {
    // strftime returns 0 for an empty result and for one that is too long; a space distinguishes them.
    const size_t size = std::strftime(buffer.data(), buffer.size(), (std::string(run) + " ").c_str(), &local);
    if (size == 0) raise_error("strftime_now(): a format of more than {} bytes", kLongestResult);
    out.append(std::string_view(buffer.data(), size - 1), origin);
  });
  return out.take();
}

struct Global {
  std::string_view name;
  Value (*call)(Runtime&, const Arguments&);
};
constexpr std::array<Global, 7> kGlobals = {{{"range", range},
                                             {"dict", dict},
                                             {"namespace", make_namespace},
                                             {"cycler", cycler},
                                             {"joiner", joiner},
                                             {"raise_exception", raise_exception},
                                             {"strftime_now", strftime_now}}};

}  // namespace

std::optional<Value> find_global(std::string_view name) {
  const auto it =
      std::find_if(kGlobals.begin(), kGlobals.end(), [name](const Global& g) { return g.name == name; });
  if (it == kGlobals.end()) return std::nullopt;
  return Value(
      std::static_pointer_cast<Object>(std::make_shared<NativeFunction>(std::string(name), it->call)));
}

}  // namespace ferrum::jinja
