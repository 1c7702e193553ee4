#include "hub/hub_api.h"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/numbers.h"
#include "http_client/http_session.h"

namespace ferrum::hub {
namespace {

using http_client::Endpoint;
using http_client::HttpCall;
using http_client::HttpFault;
using http_client::HttpHead;
using http_client::HttpSession;

constexpr size_t kMaxReply = 32 << 20;  // bytes of one page
constexpr int kMaxPages = 200;
constexpr size_t kMaxFiles = 200'000;
constexpr int kMaxRedirections = 6;
constexpr JsonLimits kJson = {.max_bytes = kMaxReply, .max_keys = 10'000, .max_depth = 32};

const std::string* text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get_ptr<const std::string*>() : nullptr;
}

uint64_t size_at(const Json& object, std::string_view source) {
  const auto found = object.find("size");
  if (found == object.end() || !found->is_number_unsigned())
    fail(ErrorCode::kBadFile, "{}: a file without a size", source);
  return found->get<uint64_t>();
}

// Parses a date in the only format that senders may use.
std::optional<std::time_t> http_date(std::string_view text) {
  std::tm date{};
  const char* const end = ::strptime(std::string(text).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  return end ? std::optional(::timegm(&date)) : std::nullopt;
}

bool is_redirection(int status) { return status >= 300 && status < 400 && status != 304; }

// The target of a Location header from `endpoint`, which has no base. Throws kBadArgument.
http_client::Url redirected(const Endpoint& endpoint, std::string_view location) {
  if (location.starts_with('/') && !location.starts_with("//")) return {endpoint, std::string(location)};
  return http_client::parse_url(location);
}

}  // namespace

void require_trust(const HttpFault& fault, const Endpoint& endpoint) {
  if (fault.kind() == HttpFault::Kind::kCertificate)
    fail(ErrorCode::kIo, "{}: {}; SSL_CERT_FILE may name further authorities", endpoint.url(""),
         fault.what());
}

bool is_passing(int status) {
  return status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

std::string_view bare_etag(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  return etag;
}

bool is_other_hash(std::string_view etag, std::string_view hash) {
  return is_commit(etag) && etag.size() == hash.size() && etag != hash;
}

std::string escaped(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || std::string_view("-._~/").find(c) != std::string_view::npos)
      out += c;
    else
      out += fmt::format("%{:02X}", byte);
  }
  return out;
}

std::string read_commit(std::string_view json, std::string_view source) {
  const Json reply = parse_json(json, source, kJson);
  const std::string* const commit = reply.is_object() ? text_at(reply, "sha") : nullptr;
  if (!commit || !is_commit(*commit)) fail(ErrorCode::kBadFile, "{}: the response has no commit", source);
  return *commit;
}

void read_tree(std::string_view json, std::string_view source, std::vector<RepoFile>& files) {
  const Json reply = parse_json(json, source, kJson);
  if (!reply.is_array()) fail(ErrorCode::kBadFile, "{}: the response is not a list of files", source);
  for (const Json& entry : reply) {
    if (!entry.is_object()) fail(ErrorCode::kBadFile, "{}: an entry is not an object", source);
    const std::string* const type = text_at(entry, "type");
    if (!type || *type != "file") continue;
    const std::string* const path = text_at(entry, "path");
    const auto lfs = entry.find("lfs");
    const bool large = lfs != entry.end() && lfs->is_object();
    const Json& contents = large ? *lfs : entry;
    const std::string* const hash = text_at(contents, "oid");
    if (!path) fail(ErrorCode::kBadFile, "{}: a file without a path", source);
    if (!hash || !is_commit(*hash) || (large && hash->size() != 64))
      fail(ErrorCode::kBadFile, "{}: file {} without a hash", source, in_quotes(*path));
    if (files.size() >= kMaxFiles) fail(ErrorCode::kBadFile, "{}: more than {} files", source, kMaxFiles);
    files.push_back({*path, size_at(contents, source), *hash});
  }
}

std::string next_page(std::string_view link) {
  while (true) {
    const size_t begin = link.find('<');
    const size_t end = link.find('>', begin == link.npos ? 0 : begin);
    if (begin == link.npos || end == link.npos) return {};
    const std::string_view url = link.substr(begin + 1, end - begin - 1);
    const size_t comma = std::min(link.find(',', end), link.size());
    const std::string_view attributes = link.substr(end, comma - end);
    if (attributes.find("rel=\"next\"") != link.npos || attributes.find("rel=next") != link.npos) {
      if (url.starts_with('/')) return std::string(url);
      try {
        return http_client::parse_url(url).target;  // a mirror may return URLs of the hub that it mirrors
      } catch (const Error&) {
        return {};
      }
    }
    link.remove_prefix(comma);
  }
}

std::optional<std::chrono::milliseconds> retry_after(const HttpHead& head) {
  const std::string_view text = head.field("Retry-After");
  std::optional<int64_t> seconds = whole_number<int64_t>(text);
  if (!seconds) {
    const auto then = http_date(text);
    const auto now = http_date(head.field("Date"));
    if (!then || !now) return std::nullopt;
    seconds = *then - *now;
  }
  constexpr int64_t kYear = 365 * 86400;
  return std::chrono::seconds(std::clamp<int64_t>(*seconds, 0, kYear));
}

Servers::~Servers() = default;

bool Servers::is_hub(const Endpoint& endpoint) const {
  return endpoint.transport == settings_.endpoint.transport && endpoint.host == settings_.endpoint.host &&
         endpoint.port == settings_.endpoint.port;
}

const http_client::HttpServerAddress& Servers::at(const Endpoint& endpoint) {
  const std::lock_guard lock(mutex_);
  const http_client::HttpServerAddress& server = resolved(endpoint);
  if (is_hub(endpoint)) return server;
  const std::string address = server.private_address();
  if (!address.empty() && resolved(settings_.endpoint).private_address().empty())
    fail(ErrorCode::kIo, "{} redirects to {}, which has the private address {}: refused",
         settings_.endpoint.url(""), in_quotes(endpoint.url("")), address);
  return server;
}

const http_client::HttpServerAddress& Servers::resolved(const Endpoint& endpoint) {
  auto& server = servers_[endpoint.url("")];
  if (!server) {
    http_client::ServerOptions options = {.endpoint = endpoint,
                                          .proxy = http_client::proxy_for(endpoint, settings_.proxies),
                                          .timeout = std::chrono::hours(24),
                                          .stall = policy_.stall};
    options.endpoint.base.clear();
    if (is_hub(endpoint)) options.api_key = settings_.token;
    try {
      server = std::make_unique<http_client::HttpServerAddress>(std::move(options));
    } catch (const Error& e) {
      fail(e.code(), "{}; is there a network? HF_ENDPOINT may name a mirror, https_proxy a proxy", e.what());
    }
  }
  return *server;
}

HubApi::HubApi(const Settings& settings, const RetryPolicy& retry_policy, Servers& servers,
               BackOff::Notify notify)
    : settings_(settings), policy_(retry_policy), servers_(servers), notify_(std::move(notify)) {}

HubApi::~HubApi() = default;

HttpSession& HubApi::session() {
  if (!session_) session_ = std::make_unique<HttpSession>(servers_.at(settings_.endpoint));
  return *session_;
}

Endpoint HubApi::bare_endpoint() const {
  Endpoint endpoint = settings_.endpoint;
  endpoint.base.clear();
  return endpoint;
}

void HubApi::refuse(const std::string& repo, const std::string& revision, const HttpHead& head) const {
  const std::string hub = settings_.endpoint.url("");
  const std::string_view code = head.field("X-Error-Code");
  const bool known = !settings_.token.empty();
  if (code == "GatedRepo" || (head.status == 403 && code != "RepoNotFound"))
    fail(ErrorCode::kIo, "{} requires accepting its licence ({}): accept it at {}/{}{}", repo, head.status,
         hub, repo,
         known ? " with the account that HF_TOKEN belongs to"
               : fmt::format(", and set HF_TOKEN to a token of that account ({}/settings/tokens)", hub));
  if (head.status == 401)
    fail(ErrorCode::kIo, "{}",
         known ? fmt::format("{}: {} does not accept the token (401): it may be wrong or expired, or there "
                             "is no such repository; see HF_TOKEN",
                             repo, hub)
               : fmt::format("{}: {} requires authentication (401): is the name right? If the repository "
                             "is private, set HF_TOKEN to a token from {}/settings/tokens",
                             repo, hub, hub));
  if (code == "RevisionNotFound")
    fail(ErrorCode::kNotFound, "{} has no revision {}", repo, in_quotes(revision));
  if (head.status == 404 && code == "EntryNotFound")
    fail(ErrorCode::kNotFound, "{}: a file that {} listed is missing (404)", repo, hub);
  if (head.status == 404)
    fail(ErrorCode::kNotFound, "{}: there is no such repository at {} (404){}", repo, hub,
         known ? "" : "; if it is private, set HF_TOKEN");
  fail(ErrorCode::kIo, "{}: {} answers {}", repo, hub, head.status);
}

std::string HubApi::get(const std::string& target, const ModelName& name, std::string* next) {
  const std::string what = settings_.endpoint.url("");
  BackOff back_off(policy_, notify_);
  std::string path = target;
  for (int redirections = 0; redirections < kMaxRedirections;) {
    std::string body;
    try {
      const HttpHead head = session().exchange({.method = "GET", .path = path, .body = {}, .fields = {}},
                                               [&](const HttpHead&, std::string_view part) {
                                                 if (body.size() + part.size() > kMaxReply)
                                                   throw HttpFault(HttpFault::Kind::kMalformed,
                                                                   "the response exceeds its maximum size");
                                                 body += part;
                                               });
      if (head.status == 200) {
        if (next) *next = next_page(head.field("Link"));
        return body;
      }
      if (is_redirection(head.status)) {  // the repository was renamed
        ++redirections;
        const http_client::Url url = redirected(bare_endpoint(), head.field("Location"));
        if (!servers_.is_hub(url.endpoint))
          fail(ErrorCode::kIo,
               "{} redirects to {}: is a login page or a proxy in between? HF_ENDPOINT may name another hub",
               what, in_quotes(url.endpoint.url("")));
        path = url.target;
        continue;
      }
      if (!is_passing(head.status)) refuse(name.repo, name.revision, head);
      back_off.wait(what, {fmt::format("it answers {}", head.status), retry_after(head)}, {});
    } catch (const HttpFault& fault) {
      require_trust(fault, settings_.endpoint);
      back_off.wait(what, {fault.what(), {}}, {});
    }
  }
  fail(ErrorCode::kIo, "{}: too many redirections", what);
}

Listing HubApi::list(const ModelName& name) {
  const std::string api = settings_.endpoint.base + "/api/models/" + name.repo;
  const std::string source = settings_.endpoint.url("");
  const auto explained = [&](const auto& read) {
    try {
      return read();
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kBadFile) throw;
      fail(
          ErrorCode::kIo,
          "{}: this is not a response of a hub: is a login page or a proxy in between, or HF_ENDPOINT wrong?",
          e.what());
    }
  };
  std::string revision = escaped(name.revision);
  for (size_t at = 0; (at = revision.find('/', at)) != std::string::npos;) revision.replace(at, 1, "%2F");
  Listing listing;
  listing.commit =
      explained([&] { return read_commit(get(api + "/revision/" + revision, name, nullptr), source); });
  std::string next = api + "/tree/" + listing.commit + "?recursive=true";
  for (int page = 0; !next.empty(); ++page) {
    if (page == kMaxPages) fail(ErrorCode::kIo, "{}: its list of files has no end", source);
    std::string after;
    const std::string reply = get(next, name, &after);
    explained([&] {
      read_tree(reply, source, listing.files);
      return 0;
    });
    next = std::move(after);
  }
  return listing;
}

HubApi::Location HubApi::locate(const std::string& repo, const std::string& commit, const RepoFile& file,
                                const std::stop_token& stop) {
  BackOff back_off(policy_, notify_);
  const std::string hub = settings_.endpoint.url("");
  Location here = {bare_endpoint(),
                   settings_.endpoint.base + "/" + repo + "/resolve/" + commit + "/" + escaped(file.name)};
  for (int redirections = 0; redirections < kMaxRedirections && !stop.stop_requested();) {
    try {
      const HttpHead head =
          session().exchange({.method = "HEAD", .path = here.target, .body = {}, .fields = {}},
                             [](const HttpHead&, std::string_view) {});
      if (is_passing(head.status)) {
        back_off.wait(file.name, {fmt::format("{} answers {}", hub, head.status), retry_after(head)}, stop);
        continue;
      }
      const bool elsewhere = is_redirection(head.status);
      if (head.status != 200 && !elsewhere) refuse(repo, commit, head);
      std::string_view etag = bare_etag(head.field("X-Linked-Etag"));
      if (etag.empty() && !elsewhere) etag = bare_etag(head.field("ETag"));
      if (is_other_hash(etag, file.hash))
        fail(ErrorCode::kIo, "{}: {} listed it with hash {} and now has {}: it has changed since; pull again",
             in_quotes(file.name), hub, file.hash, etag);
      if (!elsewhere) return here;
      ++redirections;
      http_client::Url url = redirected(here.endpoint, head.field("Location"));
      if (here.endpoint.transport == Endpoint::Transport::kTls &&
          url.endpoint.transport != Endpoint::Transport::kTls)
        fail(ErrorCode::kIo, "{} redirects to {}, which is not encrypted: refused", hub,
             in_quotes(url.endpoint.url("")));
      here.target = std::move(url.target);
      if (servers_.is_hub(url.endpoint)) continue;
      here.endpoint = std::move(url.endpoint);
      return here;
    } catch (const HttpFault& fault) {
      require_trust(fault, settings_.endpoint);
      back_off.wait(file.name, {fault.what(), {}}, stop);
    }
  }
  fail(ErrorCode::kIo, "{}: {} redirects too many times", in_quotes(file.name), hub);
}

}  // namespace ferrum::hub
