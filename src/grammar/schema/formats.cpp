#include "grammar/schema/formats.h"

#include <map>
#include <string>

namespace ferrum::grammar {
namespace {

using std::string;

// `list` between ( and ).
string any(const string& list) { return "(?:" + list + ")"; }

// RFC 3339, with the days that each month has.
string date() {
  const string leap = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
  return any("[0-9]{4}-" +
             any("(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|"
                 "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8])") +
             "|" + leap + "-02-29");
}

// A leap second is the last one of a day in UTC. It is taken where the offset is none: others would need an
// automaton that remembers the whole time.
string time() {
  const string fraction = "(?:\\.[0-9]+)?";
  return any("(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]" + fraction +
             "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])|23:59:60" + fraction + "(?:[Zz]|[+-]00:00)");
}

string duration() {
  const string t = "T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)";
  return "P(?:[0-9]+W|(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)(?:" + t + ")?|" + t +
         ")";
}

const string kOctet = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
string ipv4() { return "(?:" + kOctet + "\\.){3}" + kOctet; }

string ipv6() {
  const string h = "[0-9A-Fa-f]{1,4}";
  const string l = any(h + ":" + h + "|" + ipv4());
  const auto before = [&](int most) {
    return "(?:(?:" + h + ":){0," + std::to_string(most) + "}" + h + ")?::";
  };
  return any("(?:" + h + ":){6}" + l + "|::(?:" + h + ":){5}" + l + "|(?:" + h + ")?::(?:" + h + ":){4}" + l +
             "|" + before(1) + "(?:" + h + ":){3}" + l + "|" + before(2) + "(?:" + h + ":){2}" + l + "|" +
             before(3) + h + ":" + l + "|" + before(4) + l + "|" + before(5) + h + "|" + before(6));
}

// RFC 1123: labels of up to 63 characters.
const string kLabel = "(?!..--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
string hostname() {
  // "--" in the third and fourth place is for encoded names alone, which are not decoded here.
  return kLabel + "(?:\\." + kLabel + ")*";
}

string email(const string& more) {
  const string atext = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~" + more + "-]";
  const string local = any(atext + "+(?:\\." + atext + "+)*|\"(?:[ !#-\\[\\]-~" + more + "]|\\\\[ -~])*\"");
  const string letters = more.empty() ? "[A-Za-z0-9]" : "[A-Za-z0-9" + more + "]";
  const string label = letters + "(?:[A-Za-z0-9" + more + "-]{0,61}" + letters + ")?";
  return local + "@" + any(label + "(?:\\." + label + ")*|\\[" + any(ipv4() + "|IPv6:" + ipv6()) + "\\]");
}

// RFC 3986 and, with `more` for ucschar, RFC 3987.
string uri_tail(bool iri, bool needs_scheme) {
  const string more =
      iri ? "\\u00A0-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFEF\\u{10000}-\\u{1FFFD}\\u{20000}-\\u{2FFFD}"
            "\\u{30000}-\\u{3FFFD}\\u{40000}-\\u{4FFFD}\\u{50000}-\\u{5FFFD}\\u{60000}-\\u{6FFFD}"
            "\\u{70000}-\\u{7FFFD}\\u{80000}-\\u{8FFFD}\\u{90000}-\\u{9FFFD}\\u{A0000}-\\u{AFFFD}"
            "\\u{B0000}-\\u{BFFFD}\\u{C0000}-\\u{CFFFD}\\u{D0000}-\\u{DFFFD}\\u{E1000}-\\u{EFFFD}"
          : "";
  const string percent = "%[0-9A-Fa-f]{2}";
  const string set = "A-Za-z0-9._~!$&'()*+,;=" + more;
  const string pchar = any("[" + set + ":@\\-]|" + percent);
  const string userinfo = any("[" + set + ":\\-]|" + percent) + "*";
  const string name = any("[" + set + "\\-]|" + percent) + "*";
  const string future = "[vV][0-9A-Fa-f]+\\.[A-Za-z0-9._~!$&'()*+,;=:\\-]+";
  const string host = any("\\[" + any(ipv6() + "|" + future) + "\\]|" + name);
  const string authority = "(?:" + userinfo + "@)?" + host + "(?::[0-9]*)?";
  const string more_path = "(?:/" + pchar + "*)*";
  const string absolute = "/(?:" + pchar + "+" + more_path + ")?";
  const string rootless = pchar + "+" + more_path;
  const string noscheme = any("[" + set + "@\\-]|" + percent) + "+" + more_path;
  const string privates = iri ? "\\uE000-\\uF8FF\\u{F0000}-\\u{FFFFD}\\u{100000}-\\u{10FFFD}" : "";
  const string query = "(?:\\?" + any("[" + set + privates + ":@/?\\-]|" + percent) + "*)?";
  const string fragment = "(?:#" + any("[" + set + ":@/?\\-]|" + percent) + "*)?";
  const string full = "[A-Za-z][A-Za-z0-9+.\\-]*:" +
                      any("//" + authority + more_path + "|" + absolute + "|" + rootless + "|") + query +
                      fragment;
  if (needs_scheme) return full;
  return any(full + "|" + any("//" + authority + more_path + "|" + absolute + "|" + noscheme + "|") + query +
             fragment);
}

// RFC 6570.
string uri_template() {
  const string literal =
      "[!#$&-;=?-\\[\\]_a-z~\\u00A0-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFEF\\u{10000}-\\u{EFFFD}]|%[0-9A-Fa-f]"
      "{2}";
  const string varchar = "(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2})";
  const string spec = varchar + "(?:\\.?" + varchar + ")*(?::[1-9][0-9]{0,3}|\\*)?";
  return "(?:" + literal + "|\\{[+#./;?&=,!@|]?" + spec + "(?:," + spec + ")*\\})*";
}

std::map<string, string, std::less<>> make() {
  const string pointer = "(?:/(?:[^~/]|~[01])*)*";
  const string h = "[0-9A-Fa-f]";
  return {
      {"date", date()},
      {"time", time()},
      {"date-time", date() + "[Tt]" + time()},
      {"duration", duration()},
      {"email", email("")},
      {"idn-email", email("\\u0080-\\u{10FFFF}")},
      {"hostname", hostname()},
      {"ipv4", ipv4()},
      {"ipv6", ipv6()},
      {"uri", uri_tail(false, true)},
      {"uri-reference", uri_tail(false, false)},
      {"iri", uri_tail(true, true)},
      {"iri-reference", uri_tail(true, false)},
      {"uri-template", uri_template()},
      {"uuid", h + "{8}-" + h + "{4}-" + h + "{4}-" + h + "{4}-" + h + "{12}"},
      {"json-pointer", pointer},
      {"relative-json-pointer", "(?:0|[1-9][0-9]*)(?:#|" + pointer + ")"},
  };
}

}  // namespace

FormatPattern format_pattern(std::string_view name) {
  static const auto kPatterns = [] {
    auto patterns = make();
    for (auto& [key, pattern] : patterns) pattern = "^(?:" + pattern + ")$";
    return patterns;
  }();
  const auto found = kPatterns.find(name);
  constexpr uint32_t kMostOfHostname = 253;  // characters, with the dots
  if (found != kPatterns.end())
    return {true, found->second.c_str(), name == "hostname" ? kMostOfHostname : kUnbounded};
  return {name == "regex" || name == "idn-hostname", nullptr};
}

}  // namespace ferrum::grammar
