#include "hub/download.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/numbers.h"
#include "http_client/http_session.h"

namespace ferrum::hub {
namespace {

using http_client::HttpFault;
using http_client::HttpHead;
using http_client::HttpSession;

constexpr int kMaxWholeTries = 20;  // for a server that cannot send ranges

// "bytes 0-99/1000" (RFC 9110, 14.4). The size may be "*".
struct ContentRange {
  uint64_t begin = 0;
  uint64_t end = 0;  // exclusive
  std::optional<uint64_t> size;
};
std::optional<ContentRange> content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  const size_t dash = text.find('-');
  const size_t slash = text.find('/');
  if (!text.starts_with(kUnit) || dash == text.npos || slash == text.npos || dash > slash)
    return std::nullopt;
  const auto begin = whole_number<uint64_t>(text.substr(kUnit.size(), dash - kUnit.size()));
  const auto last = whole_number<uint64_t>(text.substr(dash + 1, slash - dash - 1));
  if (!begin || !last || *last < *begin || *last == UINT64_MAX) return std::nullopt;
  return ContentRange{*begin, *last + 1, whole_number<uint64_t>(text.substr(slash + 1))};
}

// A response whose body is not the requested range. The rest of it is not read.
struct UnexpectedResponse {
  Failure failure;
};
// The server sends only whole files, and another worker is receiving it.
struct LeftToOtherWorker {};

// The state that the workers share.
class Transfer {
 public:
  Transfer(const Download& what, PartialFile& partial, HubApi& api, Servers& servers,
           const RetryPolicy& retry_policy, const DownloadOptions& options, const BackOff::Notify& notify,
           const std::function<void(uint64_t)>& received)
      : what(what),
        partial(partial),
        api(api),
        servers(servers),
        retry_policy(retry_policy),
        options(options),
        notify([this, &notify](const std::string& text) {
          const std::lock_guard lock(notify_mutex_);
          if (notify) notify(text);
        }),
        received_(received) {}

  const Download& what;
  PartialFile& partial;
  HubApi& api;
  Servers& servers;
  const RetryPolicy& retry_policy;
  const DownloadOptions& options;
  const BackOff::Notify notify;
  std::stop_source stop;

  struct Source {
    HubApi::Location location;
    int generation = 0;
  };
  // Returns the source; looks it up again unless it is newer than generation `bad`.
  Source source(int bad) {
    const std::lock_guard lock(locating_);
    if (source_.generation <= bad) {
      source_.location = api.locate(what.repo, what.commit, what.file, stop.get_token());
      ++source_.generation;
    }
    return source_;
  }

  void received(uint64_t bytes) {
    const std::lock_guard lock(notify_mutex_);
    if (received_) received_(bytes);
  }

  // Returns true for the first caller only.
  bool claim_whole() { return !whole_is_claimed_.exchange(true); }
  bool whole_is_claimed() const { return whole_is_claimed_; }

  void fail(std::exception_ptr why) {
    const std::lock_guard lock(notify_mutex_);
    if (!failed_) failed_ = std::move(why);
    stop.request_stop();
  }
  // Call after all workers have ended.
  void rethrow() const {
    if (failed_) std::rethrow_exception(failed_);
  }

 private:
  const std::function<void(uint64_t)>& received_;
  std::mutex notify_mutex_;  // serialises notifications; also guards failed_
  std::mutex locating_;
  Source source_;  // guarded by locating_
  std::atomic<bool> whole_is_claimed_ = false;
  std::exception_ptr failed_;
};

// One connection, on one thread.
class Worker {
 public:
  explicit Worker(Transfer& transfer)
      : t_(transfer), size_(transfer.partial.size()), stopping_(t_.stop.get_token(), [this] {
          const std::lock_guard lock(session_mutex_);
          if (session_) session_->stop();
        }) {}

  void run(uint64_t most) {
    try {
      while (goes_on())
        if (const std::optional<ByteRange> range = t_.partial.take(most))
          fetch(*range);
        else
          return;
    } catch (const LeftToOtherWorker&) {
    } catch (...) {
      t_.fail(std::current_exception());
    }
  }

 private:
  bool goes_on() const { return !t_.stop.stop_requested() && (has_whole_ || !t_.whole_is_claimed()); }

  void fetch(ByteRange range) {
    BackOff back_off(t_.retry_policy, t_.notify);
    range_ = range;
    marked_ = at_ = range.begin;
    while (at_ < range_.end && goes_on()) {
      const uint64_t before = has_whole_ ? best_ : at_;
      const std::optional<Failure> failure = attempt();
      if ((has_whole_ ? best_ : at_) > before)
        back_off.progress();  // retries at once
      else if (failure)
        back_off.wait(in_quotes(t_.what.file.name), *failure, t_.stop.get_token());
      if (failure && has_whole_ && ++whole_tries_ > kMaxWholeTries)
        fail(ErrorCode::kIo, "{}: {} does not support range requests, and the whole file never arrives: {}",
             in_quotes(t_.what.file.name), source_.location.endpoint.authority, failure->why);
    }
  }

  // Advances at_.
  std::optional<Failure> attempt() {
    connect();
    if (has_whole_) marked_ = at_ = 0;
    begun_ = false;
    const bool from_the_start = at_ == 0 && range_.end == size_;
    http_client::HttpCall call = {.method = "GET", .path = source_.location.target, .body = {}, .fields = {}};
    if (!from_the_start && !has_whole_)
      call.fields.emplace_back("Range", fmt::format("bytes={}-{}", at_, range_.end - 1));
    try {
      const HttpHead head =
          session_->exchange(call, [&](const HttpHead& h, std::string_view part) { take(h, part); });
      if (!begun_) check_head(head);
      if (!begun_ || at_ < end_) return Failure{"an empty response", {}};
      return std::nullopt;
    } catch (const UnexpectedResponse& unexpected) {
      return unexpected.failure;
    } catch (const HttpFault& fault) {
      require_trust(fault, source_.location.endpoint);
      return Failure{fault.what(), {}};
    }
  }

  void connect() {
    const int known = source_.generation;
    source_ = t_.source(bad_);
    if (session_ && source_.generation == known) return;
    const std::lock_guard lock(session_mutex_);
    session_ = std::make_unique<HttpSession>(t_.servers.at(source_.location.endpoint));
    if (t_.stop.stop_requested()) session_->stop();
  }

  // The location may be outdated: looks it up again.
  [[noreturn]] void refuse_place(Failure failure) {
    bad_ = source_.generation;
    throw UnexpectedResponse{std::move(failure)};
  }

  void check_head(const HttpHead& head) {
    const std::string host = source_.location.endpoint.authority;
    if (is_passing(head.status))
      throw UnexpectedResponse{{fmt::format("{} answers {}", host, head.status), retry_after(head)}};
    if (head.status == 416)
      refuse_place({fmt::format("{} does not have the requested range (416)", host), {}});
    if (head.status != 200 && head.status != 206) {
      // Signed addresses expire; a refusal by the hub itself is final.
      if (head.status >= 400 && t_.servers.is_hub(source_.location.endpoint))
        t_.api.refuse(t_.what.repo, t_.what.commit, head);
      refuse_place({fmt::format("{} answers {}", host, head.status), retry_after(head)});
    }
    if (const std::string_view etag = bare_etag(head.field("ETag")); is_other_hash(etag, t_.what.file.hash))
      refuse_place({fmt::format("{} has different contents than listed (ETag {})", host, etag), {}});
    if (head.status == 206)
      begin_part(head, host);
    else
      begin_whole(head, host);
    begun_ = true;
  }

  void begin_part(const HttpHead& head, const std::string& host) {
    const auto part = content_range(head.field("Content-Range"));
    if (!part || part->begin != at_ || part->end > range_.end)
      refuse_place({fmt::format("{} sends a different range than requested", host), {}});
    if (part->size && *part->size != size_)
      refuse_place({fmt::format("{} has {} bytes, but {} were listed", host, *part->size, size_), {}});
    end_ = part->end;
  }

  void begin_whole(const HttpHead& head, const std::string& host) {
    const auto length = whole_number<uint64_t>(head.field("Content-Length"));
    if ((length && *length != size_) || (!length && head.content_type.starts_with("text/html")))
      refuse_place(
          {fmt::format("{} sends {} of type {} instead of {} bytes: is a login page or a proxy in between?",
                       host, length ? fmt::format("{} bytes", *length) : "something",
                       in_quotes(head.content_type), size_),
           {}});
    // The server ignores ranges: download the whole file over this connection only.
    if (at_ > 0 || range_.end < size_) {
      if (!has_whole_ && !t_.claim_whole()) throw LeftToOtherWorker();
      has_whole_ = true;
      range_ = {0, size_};
      marked_ = at_ = 0;
    }
    end_ = size_;
  }

  void take(const HttpHead& head, std::string_view bytes) {
    if (!begun_) check_head(head);
    if (!goes_on()) throw LeftToOtherWorker();
    if (bytes.size() > end_ - at_) throw UnexpectedResponse{{"the response is longer than announced", {}}};
    t_.partial.write(at_, bytes);
    const uint64_t block = t_.options.partial.block;
    const bool fills = (at_ + bytes.size()) / block > at_ / block;
    const uint64_t before = std::max(at_, has_whole_ ? best_ : 0);
    at_ += bytes.size();
    if (has_whole_) best_ = std::max(best_, at_);
    if (at_ > before) t_.received(at_ - before);
    if (!fills && at_ != size_) return;
    t_.partial.written({marked_, at_});
    marked_ = at_ / block * block;
  }

  Transfer& t_;
  uint64_t size_;
  std::mutex session_mutex_;  // guards the session's replacement
  std::unique_ptr<HttpSession> session_;
  Transfer::Source source_;
  int bad_ = 0;  // generation of a source that failed

  ByteRange range_;      // to be fetched
  uint64_t at_ = 0;      // offset of the next byte
  uint64_t end_ = 0;     // end of the current response
  uint64_t marked_ = 0;  // beginning of the first incomplete block
  bool begun_ = false;   // the current response is the requested range
  bool has_whole_ = false;
  uint64_t best_ = 0;  // most bytes of the whole file received in one response
  int whole_tries_ = 0;
  std::stop_callback<std::function<void()>> stopping_;
};

}  // namespace

void download(const Download& what, PartialFile& partial, HubApi& api, Servers& servers,
              const RetryPolicy& retry_policy, const DownloadOptions& options, const BackOff::Notify& notify,
              const std::function<void(uint64_t bytes)>& received) {
  const uint64_t missing = partial.size() - partial.present();
  if (missing == 0) return;
  const uint64_t block = options.partial.block;
  const auto connections = static_cast<uint64_t>(options.connections);
  const uint64_t share = (missing + connections - 1) / connections;
  const uint64_t most = std::min(options.most_of_a_range, (share + block - 1) / block * block);
  Transfer transfer(what, partial, api, servers, retry_policy, options, notify, received);
  {
    std::vector<std::jthread> threads;
    for (uint64_t i = 1; i < std::min(connections, (missing + most - 1) / most); ++i)
      threads.emplace_back([&] { Worker(transfer).run(most); });
    Worker(transfer).run(most);
  }
  try {
    partial.flush();
  } catch (const Error&) {
    transfer.rethrow();  // the first error
    throw;
  }
  transfer.rethrow();
}

}  // namespace ferrum::hub
