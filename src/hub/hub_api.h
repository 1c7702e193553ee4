// The hub's REST API, except for file contents: https://huggingface.co/docs/hub/api
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "http_client/http.h"
#include "http_client/http_server_address.h"
#include "http_client/http_session.h"
#include "hub/back_off.h"
#include "hub/offers.h"
#include "hub/settings.h"

namespace ferrum::hub {

// A repository at one commit.
struct Listing {
  std::string commit;
  std::vector<RepoFile> files;  // names as sent by the hub: not validated yet
};

// Parses the body of GET /api/models/REPO/revision/REVISION. Throws kBadFile naming `source`.
std::string read_commit(std::string_view json, std::string_view source);
// Parses one page of GET /api/models/REPO/tree/COMMIT?recursive=true. Throws kBadFile.
void read_tree(std::string_view json, std::string_view source, std::vector<RepoFile>& files);
// The path and query of the next page in a Link header (RFC 8288); empty if there is none.
std::string next_page(std::string_view link);
// From seconds, or from a date relative to the response's own (RFC 9110, 10.2.3).
std::optional<std::chrono::milliseconds> retry_after(const http_client::HttpHead& head);

// Server addresses, resolved once each: the hub and the hosts that it redirects to. Only the hub receives
// the token, and only a hub with a private address may redirect to one (fault N16). Thread-safe.
class Servers {
 public:
  Servers(const Settings& settings, const RetryPolicy& policy) : settings_(settings), policy_(policy) {}
  ~Servers();

  // Throws kIo for a host that cannot be resolved or may not be asked, and kBadArgument for its proxy.
  const http_client::HttpServerAddress& at(const http_client::Endpoint& endpoint);
  bool is_hub(const http_client::Endpoint& endpoint) const;

 private:
  const http_client::HttpServerAddress& resolved(const http_client::Endpoint& endpoint);

  const Settings& settings_;
  const RetryPolicy& policy_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<http_client::HttpServerAddress>> servers_;  // by URL
};

// Used by one thread at a time.
class HubApi {
 public:
  HubApi(const Settings& settings, const RetryPolicy& retry_policy, Servers& servers, BackOff::Notify notify);
  ~HubApi();

  // Throws kNotFound, or kIo with what to do next if the hub refuses or does not answer (fault B63).
  Listing list(const ModelName& name);

  // The location of a file's contents. Throws kIo if the hub reports another hash than it listed.
  struct Location {
    http_client::Endpoint endpoint;
    std::string target;
  };
  Location locate(const std::string& repo, const std::string& commit, const RepoFile& file,
                  const std::stop_token& stop);

  // Explains the hub's refusal to the user. Throws kIo or kNotFound.
  [[noreturn]] void refuse(const std::string& repo, const std::string& revision,
                           const http_client::HttpHead& head) const;

 private:
  std::string get(const std::string& target, const ModelName& name, std::string* next);
  http_client::Endpoint bare_endpoint() const;
  http_client::HttpSession& session();

  const Settings& settings_;
  const RetryPolicy& policy_;
  Servers& servers_;
  BackOff::Notify notify_;
  std::unique_ptr<http_client::HttpSession> session_;  // to the hub
};

// Throws kIo if the failure is permanent.
void require_trust(const http_client::HttpFault& fault, const http_client::Endpoint& endpoint);
// An ETag without W/"…" or "…" around it; often a hash.
std::string_view bare_etag(std::string_view etag);
// Whether a bare ETag is a hash of the same kind as `hash` but differs from it.
bool is_other_hash(std::string_view etag, std::string_view hash);
// Whether a retry may succeed.
bool is_passing(int status);
// Percent-encodes a URL's path, except slashes (RFC 3986).
std::string escaped(std::string_view path);

}  // namespace ferrum::hub
