// Hostile chat templates: bounded steps, bytes and depth, and no way out of the sandbox (fault B22).
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "text/chat_template.h"

namespace ferrum {
namespace {

std::string repeated(const std::string& text, size_t times) {
  std::string result;
  for (size_t i = 0; i < times; ++i) result += text;
  return result;
}

// What a template fails with, parsing or rendering; "rendered: …" where it does not.
std::string failure(const std::string& source, const OrderedJson& context = OrderedJson::object(),
                    const ChatTemplate::Limits& limits = {}) {
  const auto start = std::chrono::steady_clock::now();
  std::string message;
  try {
    message = "rendered: " + ChatTemplate(source, limits).render(context).text().substr(0, 80);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadTemplate);
    message = e.what();
  }
  // Far more than any takes alone, for machines that are busy.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << source.substr(0, 200);
  return message;
}

#define EXPECT_FAILS(source, part) EXPECT_NE(failure(source).find(part), std::string::npos) << failure(source)

TEST(ChatTemplateFaults, B22_EndlessLoops) {
  EXPECT_FAILS("{% for i in range(10**9) %}{% endfor %}", "Range too big");
  EXPECT_FAILS("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "steps");
  EXPECT_FAILS("{% for a in range(9999) %}{% for b in range(9999) if b > 99999 %}{% endfor %}{% endfor %}",
               "steps");
  EXPECT_FAILS("{% for a in range(9999) %}{{ range(99999) | list | length }}{% endfor %}", "bytes");
  EXPECT_FAILS("{% for a in range(99999) %}{{ 99999 in range(99999) }}{% endfor %}", "steps");
  EXPECT_FAILS("{% for a in range(99999) %}{{ range(99999) | sum }}{% endfor %}", "steps");
}

TEST(ChatTemplateFaults, B22_SaysWhere) {
  EXPECT_EQ(failure("a\n{% for i in range(9) %}\n  {{ 'x' * 10**12 }}{% endfor %}"),
            "chat template, line 3, column 6: the template makes more than 67108864 bytes");
  EXPECT_EQ(failure("x\n{{ '<' + }}"), "chat template, line 2, column 10: expected an expression, got '}}'");
  EXPECT_EQ(failure("\n{{ a.b }}"), "chat template, line 2, column 5: 'a' is undefined");
}

TEST(ChatTemplateFaults, B22_GiantRepetition) {
  EXPECT_FAILS("{{ 'x' * 10**10 }}", "bytes");
  EXPECT_FAILS("{{ 'xxxxxxxx' * 4611686018427387904 }}", "bytes");
  EXPECT_FAILS("{{ ([0] * 10**10) | length }}", "bytes");
  EXPECT_FAILS("{{ [0, 1] * 9223372036854775807 }}", "bytes");
  EXPECT_FAILS(
      "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      "bytes");
  EXPECT_FAILS(
      "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      "bytes");
  EXPECT_FAILS("{{ '%9999999999d' % 1 }}", "too big");
  EXPECT_FAILS("{{ '%999999999d' % 1 }}{{ '%999999999s' % 'x' }}", "bytes");
  EXPECT_FAILS("{{ '%.999999999f' % 1.5 }}", "too big");
  EXPECT_FAILS("{{ '{:999999999}'.format('x') }}", "bytes");
  EXPECT_FAILS("{{ '{:99999999999999999999}'.format('x') }}", "Too many decimal digits");
  EXPECT_FAILS("{{ 'x'.center(10**12) }}", "bytes");
  EXPECT_FAILS("{{ 'x' | center(10**12) }}", "bytes");
  EXPECT_FAILS("{{ 'x'.ljust(10**12) }}{{ 'x'.zfill(10**12) }}", "bytes");
  EXPECT_FAILS("{{ 'a\tb'.expandtabs(10**12) }}", "bytes");
  EXPECT_FAILS("{{ 'a\nb' | indent(10**12) }}", "bytes");
  EXPECT_FAILS("{{ [1] | tojson(indent=10**12) }}", "indent");
  EXPECT_FAILS("{{ [1] | batch(10**12, 'x') | list }}", "bytes");
  EXPECT_FAILS("{{ [1] | slice(10**12) | list }}", "bytes");
  EXPECT_FAILS("{{ ('x' * 9999).replace('', 'y' * 99999) }}", "bytes");
  EXPECT_FAILS("{{ (('x' * 9999) | list).__class__.x }}{{ ('y' * 99999).join('x' * 9999) }}", "unsafe");
  EXPECT_FAILS("{{ ('y' * 99999).join('x' * 9999) }}", "bytes");
  EXPECT_FAILS("{% for i in range(99999) %}{{ '" + std::string(5000, 'x') + "' }}{% endfor %}", "bytes");
  EXPECT_FAILS("{{ strftime_now('%9999999d') }}", "4096");
}

TEST(ChatTemplateFaults, B22_ExponentialStructures) {
  const std::string tower =
      "{% set ns = namespace(a='x') %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}";
  EXPECT_FAILS(tower + "{{ ns.a }}", "the template");
  EXPECT_FAILS(tower + "{{ ns.a | tojson }}", "the template");
  EXPECT_FAILS(
      tower +
          "{% set b = namespace(a='x') %}{% for i in range(60) %}{% set b.a = [b.a, b.a] %}{% endfor %}"
          "{{ b.a == ns.a }}",
      "steps");
  EXPECT_FAILS(
      "{% set ns = namespace(a=1) %}{% for i in range(60) %}{% set ns.a = (ns.a, ns.a) %}{% endfor %}"
      "{{ {ns.a: 1} }}",
      "steps");
  EXPECT_FAILS("{% macro m(n) %}{{ m(n - 1) }}{{ m(n - 1) }}{% endmacro %}{{ m(50) }}", "levels");
  EXPECT_FAILS("{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(50) }}",
               "steps");
}

TEST(ChatTemplateFaults, B22_DeepNestingInTheSource) {
  for (const size_t times : {200u, 100'000u}) {
    EXPECT_FAILS("{{ " + repeated("(", times) + "1" + repeated(")", times) + " }}", "100 levels");
    EXPECT_FAILS("{{ " + repeated("[", times) + repeated("]", times) + " }}", "100 levels");
    EXPECT_FAILS("{{ " + repeated("not ", times) + "1 }}", "100 levels");
    EXPECT_FAILS("{{ " + repeated("-", times) + "1 }}", "100 levels");
    EXPECT_FAILS("{{ a" + repeated(".a", times) + " }}", "100 levels");
    EXPECT_FAILS("{{ a" + repeated("()", times) + " }}", "100 levels");
    EXPECT_FAILS("{{ a" + repeated("|trim", times) + " }}", "100 levels");
    EXPECT_FAILS("{{ " + repeated("1 if 1 else ", times) + "1 }}", "100 levels");
    EXPECT_FAILS("{{ 1 " + repeated("if 1 ", times) + " }}", "100 conditions");
    EXPECT_FAILS(repeated("{% if 1 %}", times) + repeated("{% endif %}", times), "100 levels");
    EXPECT_FAILS("{% for " + repeated("(", times) + "a" + repeated(")", times) + " in b %}{% endfor %}",
                 "100 levels");
    EXPECT_FAILS("{% filter " + repeated("trim|", times) + "trim %}{% endfilter %}", "100 levels");
  }
  // Chains that do not nest are as long as they like.
  EXPECT_EQ(failure("{{ 1" + repeated("+1", 5000) + " }}"), "rendered: 5001");
  EXPECT_EQ(failure("{{ 0" + repeated(" or 0", 5000) + " }}"), "rendered: 0");
  EXPECT_EQ(failure("{{ ''" + repeated("~''", 5000) + " }}"), "rendered: ");
  EXPECT_EQ(failure("{% if 0 %}" + repeated("{% elif 0 %}", 5000) + "{% endif %}"), "rendered: ");
}

TEST(ChatTemplateFaults, B22_DeepRecursion) {
  EXPECT_FAILS("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "levels");
  EXPECT_FAILS("{% macro m() %}{% call m() %}{% endcall %}{% endmacro %}{{ m() }}", "caller");
  EXPECT_FAILS(
      "{% macro m() %}{{ caller }}{% call m() %}{% endcall %}{% endmacro %}{% call m() %}{% endcall %}",
      "levels");
  EXPECT_FAILS("{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}", "levels");
  EXPECT_FAILS("{% macro m(a=m()) %}{% endmacro %}{{ m() }}", "levels");
}

TEST(ChatTemplateFaults, B22_DeepValues) {
  for (const char* wrap :
       {"[ns.a]", "(ns.a,)", "{'k': ns.a}", "joiner(ns.a)", "cycler(ns.a)", "cycler(ns.a).next",
        "[ns.a] | reverse", "{'k': ns.a}.values()", "[ns.a].count", "[ns.a] | batch(1)"}) {
    const std::string source =
        "{% set ns = namespace(a=1) %}{% for i in range(99999) %}{% set ns.a = " + std::string(wrap) +
        " %}{% endfor %}";
    EXPECT_FAILS(source, "levels");
  }
  // Namespaces and loops may refer to each other, and to themselves, without end.
  EXPECT_EQ(failure("{% set ns = namespace() %}{% set ns.a = [ns] %}{% for i in range(9999) %}"
                    "{% set inner = namespace(a=ns.a) %}{% set ns.a = inner %}{% endfor %}ok"),
            "rendered: ok");
  EXPECT_EQ(
      failure(
          "{% set ns = namespace(l=1) %}{% for i in range(9999) %}{% for x in [ns.l] %}{% set ns.l = loop %}"
          "{{ loop.changed(loop) and '' }}{% endfor %}{% endfor %}ok"),
      "rendered: ok");
  EXPECT_EQ(failure("{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}"),
            "rendered: <Namespace {'a': <Namespace {...}>}>");
  EXPECT_FAILS(
      "{% set ns = namespace() %}{% for i in range(9999) %}{% set inner = namespace(a=ns.a) %}"
      "{% set ns.a = inner %}{% endfor %}{{ ns }}",
      "levels");
}

TEST(ChatTemplateFaults, B22_DeepContext) {
  OrderedJson deep = 1;
  for (int i = 0; i < 120; ++i) deep = OrderedJson::array({deep});
  EXPECT_NE(failure("x", {{"a", deep}}).find("levels"), std::string::npos);
}

TEST(ChatTemplateFaults, B22_LargeStringsAreNotScannedForNothing) {
  // Each of these looks through a megabyte a hundred thousand times unless that is counted.
  const OrderedJson context = {{"big", std::string(1 << 20, ' ') + "é"}};
  const ChatTemplate::Limits limits = {.max_steps = 200'000};
  for (const char* look : {"'x' in big",
                           "big.find('x')",
                           "big.count('x')",
                           "big == big + ''",
                           "big | length",
                           "big[500000]",
                           "big[:-500000] is string",
                           "big.strip() and 1",
                           "big | trim and 1",
                           "big.isspace()",
                           "{big: 1}[big]",
                           "big in {}",
                           "big.split('x')[0] is string",
                           "big.rsplit('x')[0] is string",
                           "big.startswith('x', 1)",
                           "big.partition('x')[1]",
                           "big < big",
                           "'%.1s' % big",
                           "big | int",
                           "big | wordcount",
                           "big.split()",
                           "{}[big]",
                           "big.splitlines() and 1",
                           "big is lower",
                           "namespace()[big]"}) {
    const std::string message =
        failure("{% for i in range(99999) %}{{ " + std::string(look) + " }}{% endfor %}", context, limits);
    EXPECT_NE(message.find("the template"), std::string::npos) << look << ": " << message;
  }
}

TEST(ChatTemplateFaults, B22_AttributeTricks) {
  EXPECT_EQ(failure("[{{ ''.__class__ }}{{ [].__init__ }}{{ {}.__class__ is defined }}]"),
            "rendered: [False]");
  for (const char* trick : {"''.__class__.__mro__",
                            "''['__class__']['__mro__']",
                            "range.__globals__.x",
                            "x.__class__.y",
                            "(''|attr('__class__')).x",
                            "'{0.__class__.x}'.format('')",
                            "namespace().__init__.x",
                            "cycler(1).__init__.x",
                            "loop.__class__",
                            "self.__init__.x",
                            "lipsum.__globals__",
                            "raise_exception.__globals__.x",
                            "[].append(1)",
                            "{}.update({})",
                            "{}.pop('a')",
                            "[].sort()",
                            "{}.setdefault('a', 1)",
                            "''.encode()",
                            "''.translate({})",
                            "d._x.y",
                            "get_flashed_messages()",
                            "config.items()",
                            "request.x",
                            "open('/etc/passwd')"}) {
    const std::string message = failure("{{ " + std::string(trick) + " }}", {{"x", "text"}});
    EXPECT_TRUE(message.starts_with("chat template, line 1")) << trick << ": " << message;
  }
}

TEST(ChatTemplateFaults, B22_NumbersOutOfRange) {
  EXPECT_FAILS("{{ 9223372036854775807 + 1 }}", "integer out of range");
  EXPECT_FAILS("{{ -9223372036854775807 - 2 }}", "integer out of range");
  EXPECT_FAILS("{{ 4611686018427387904 * 2 }}", "integer out of range");
  EXPECT_FAILS("{{ 2 ** 63 }}", "integer out of range");
  EXPECT_FAILS("{{ 10 ** 10 ** 10 }}", "integer out of range");
  EXPECT_FAILS("{{ (-9223372036854775807 - 1) // -1 }}", "integer out of range");
  EXPECT_FAILS("{{ -(-9223372036854775807 - 1) }}", "integer out of range");
  EXPECT_FAILS("{{ (-9223372036854775807 - 1) | abs }}", "integer out of range");
  EXPECT_EQ(failure("{{ (-9223372036854775807 - 1) % -1 }}"), "rendered: 0");
  EXPECT_FAILS("{{ 1e308 | int }}", "integer out of range");
  EXPECT_FAILS("{{ '%d' % 1e308 }}", "cannot convert");
  EXPECT_FAILS("{{ 9223372036854775808 }}", "64-bit");
  EXPECT_FAILS("{{ 1e999 }}", "out of range");
  EXPECT_FAILS("{{ 2.0 ** 99999 }}", "out of range");
  EXPECT_FAILS("{{ range(-9223372036854775807, 9223372036854775807) }}", "Range too big");
  EXPECT_EQ(
      failure("{{ range(-9223372036854775807, 9223372036854775807, 9223372036854775807) | list | length }}"),
      "rendered: 2");
  EXPECT_EQ(failure("{{ 'abc'[9223372036854775807] }}{{ 'abc'[-9223372036854775807 - 1] }}"), "rendered: ");
  EXPECT_EQ(failure("{{ 'abc'[-9223372036854775807 - 1:9223372036854775807] }}"), "rendered: abc");
  EXPECT_EQ(failure("{{ 'abc'[::-9223372036854775807 - 1] }}{{ [1, 2][::9223372036854775807] }}"),
            "rendered: c[1]");
  EXPECT_EQ(failure("{{ 1.5 | round(9223372036854775807) }}{{ 1.5 | round(-9223372036854775807) }}"),
            "rendered: 1.50.0");
  EXPECT_EQ(failure("{{ 'a'.replace('a', 'b', -9223372036854775807 - 1) }}"), "rendered: b");
}

TEST(ChatTemplateFaults, B22_LimitsCanBeSet) {
  const std::string loop = "{% for i in range(100) %}x{% endfor %}";
  EXPECT_NE(failure(loop, OrderedJson::object(), {.max_steps = 100}).find("100 steps"), std::string::npos);
  EXPECT_NE(failure(loop, OrderedJson::object(), {.max_bytes = 150}).find("150 bytes"), std::string::npos);
  EXPECT_NE(failure("{{ ((((1)))) }}", OrderedJson::object(), {.max_depth = 3}).find("3 levels"),
            std::string::npos);
  EXPECT_NE(failure(std::string(200, 'x'), OrderedJson::object(), {.max_bytes = 150}).find("150"),
            std::string::npos);
  EXPECT_EQ(failure(loop), "rendered: " + std::string(80, 'x'));
}

TEST(ChatTemplateFaults, B22_AMegabyteOfConversationIsFast) {
  OrderedJson messages = OrderedJson::array();
  for (int i = 0; i < 1000; ++i)
    messages.push_back({{"role", i % 2 ? "assistant" : "user"}, {"content", std::string(1024, 'a')}});
  const ChatTemplate chat(
      "{% set ns = namespace(all='') %}{% for m in messages %}{% set c = '<|im_start|>' + m.role + '\n' + "
      "m.content | trim "
      "+ '<|im_end|>' %}{% set ns.all = ns.all + c %}{{ c.split('</think>')[-1].lstrip('\n') }}{% endfor "
      "%}{{ ns.all }}");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_GT(chat.render({{"messages", messages}}).text().size(), size_t{2} << 20);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(ChatTemplateFaults, B22_TenMegabytesOfOneCharacterIsFast) {
  const OrderedJson context = {{"messages", {{{"role", "user"}, {"content", std::string(10 << 20, 'a')}}}}};
  const ChatTemplate chat(
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content | trim + '<|im_end|>' }}{% "
      "endfor %}");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_GT(chat.render(context).text().size(), size_t{10} << 20);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

}  // namespace
}  // namespace ferrum
