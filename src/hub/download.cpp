#include "hub/download.h"

#include <fmt/format.h>

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

constexpr int kMaxWholeTries = 20;  // of a server that cannot send ranges

// "bytes 0-99/1000" (RFC 9110, 14.4). The size may be "*".
struct ContentRange {
  uint64_t begin = 0;
  uint64_t end = 0;  // not included
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

// A response whose body is not the requested range: the rest is not read.
struct Unwanted {
  Failure failure;
};
// Another worker gets the whole file, for the server sends nothing else.
struct LeftToAnother {};

// What the workers have in common.
class Transfer {
 public:
  Transfer(const Download& what, PartialFile& partial, HubApi& api, Servers& servers,
           const Patience& patience, const DownloadOptions& options, const BackOff::Notify& notify,
           const std::function<void(uint64_t)>& received)
      : what(what),
        partial(partial),
        api(api),
        servers(servers),
        patience(patience),
        options(options),
        notify([this, &notify](const std::string& text) {
          const std::lock_guard lock(telling_);
          if (notify) notify(text);
        }),
        received_(received) {}

  const Download& what;
  PartialFile& partial;
  HubApi& api;
  Servers& servers;
  const Patience& patience;
  const DownloadOptions& options;
  const BackOff::Notify notify;
  std::stop_source stop;

  struct Source {
    HubApi::Location location;
    int generation = 0;
  };
  // Looked for again where what is known is no newer than `bad`.
  Source source(int bad) {
    const std::lock_guard lock(locating_);
    if (source_.generation <= bad) {
      source_.location = api.locate(what.repo, what.commit, what.file, stop.get_token());
      ++source_.generation;
    }
    return source_;
  }

  void received(uint64_t bytes) {
    const std::lock_guard lock(telling_);
    if (received_) received_(bytes);
  }

  // True for the first caller only.
  bool claim_whole() { return !whole_is_claimed_.exchange(true); }
  bool whole_is_claimed() const { return whole_is_claimed_; }

  void fail(std::exception_ptr why) {
    const std::lock_guard lock(telling_);
    if (!failed_) failed_ = std::move(why);
    stop.request_stop();
  }
  // When all have ended.
  void rethrow() const {
    if (failed_) std::rethrow_exception(failed_);
  }

 private:
  const std::function<void(uint64_t)>& received_;
  std::mutex telling_;  // guards failed_ as well
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
    } catch (const LeftToAnother&) {
    } catch (...) {
      t_.fail(std::current_exception());
    }
  }

 private:
  bool goes_on() const { return !t_.stop.stop_requested() && (has_whole_ || !t_.whole_is_claimed()); }

  void fetch(ByteRange range) {
    BackOff back_off(t_.patience, t_.notify);
    range_ = range;
    marked_ = at_ = range.begin;
    while (at_ < range_.end && goes_on()) {
      const uint64_t before = has_whole_ ? best_ : at_;
      const std::optional<Failure> failure = attempt();
      if ((has_whole_ ? best_ : at_) > before)
        back_off.progress();  // and at once
      else if (failure)
        back_off.wait(in_quotes(t_.what.file.name), *failure, t_.stop.get_token());
      if (failure && has_whole_ && ++whole_tries_ > kMaxWholeTries)
        fail(ErrorCode::kIo, "{}: {} sends no parts of files, and never all of it: {}",
             in_quotes(t_.what.file.name), source_.location.endpoint.authority, failure->why);
    }
  }

  // Moves at_.
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
      if (!begun_ || at_ < end_) return Failure{"an empty answer", {}};
      return std::nullopt;
    } catch (const Unwanted& unwanted) {
      return unwanted.failure;
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

  // The place may not be the right one any more.
  [[noreturn]] void refuse_place(Failure failure) {
    bad_ = source_.generation;
    throw Unwanted{std::move(failure)};
  }

  void check_head(const HttpHead& head) {
    const std::string host = source_.location.endpoint.authority;
    if (is_passing(head.status))
      throw Unwanted{{fmt::format("{} answers {}", host, head.status), retry_after(head)}};
    if (head.status == 416) refuse_place({fmt::format("{} has no such part of it (416)", host), {}});
    if (head.status != 200 && head.status != 206) {
      // Signed addresses go out of date; the hub's own answer is final.
      if (head.status >= 400 && t_.servers.is_hub(source_.location.endpoint))
        t_.api.refuse(t_.what.repo, t_.what.commit, head);
      refuse_place({fmt::format("{} answers {}", host, head.status), retry_after(head)});
    }
    if (const std::string_view etag = bare_etag(head.field("ETag")); is_other_hash(etag, t_.what.file.hash))
      refuse_place({fmt::format("{} has other contents than were listed (ETag {})", host, etag), {}});
    if (head.status == 206)
      begin_part(head, host);
    else
      begin_whole(head, host);
    begun_ = true;
  }

  void begin_part(const HttpHead& head, const std::string& host) {
    const auto part = content_range(head.field("Content-Range"));
    if (!part || part->begin != at_ || part->end > range_.end)
      refuse_place({fmt::format("{} sends another part than was asked for", host), {}});
    if (part->size && *part->size != size_)
      refuse_place({fmt::format("{} has {} bytes of it, and {} were listed", host, *part->size, size_), {}});
    end_ = part->end;
  }

  void begin_whole(const HttpHead& head, const std::string& host) {
    const auto length = whole_number<uint64_t>(head.field("Content-Length"));
    if ((length && *length != size_) || (!length && head.content_type.starts_with("text/html")))
      refuse_place(
          {fmt::format("{} sends {} of type {} in place of {} bytes: is a login page or a proxy in between?",
                       host, length ? fmt::format("{} bytes", *length) : "something",
                       in_quotes(head.content_type), size_),
           {}});
    if (at_ > 0 || range_.end < size_) {  // it sends no parts: then all, over this connection alone
      if (!has_whole_ && !t_.claim_whole()) throw LeftToAnother();
      has_whole_ = true;
      range_ = {0, size_};
      marked_ = at_ = 0;
    }
    end_ = size_;
  }

  void take(const HttpHead& head, std::string_view bytes) {
    if (!begun_) check_head(head);
    if (!goes_on()) throw LeftToAnother();
    if (bytes.size() > end_ - at_) throw Unwanted{{"it sends more than it said", {}}};
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
  std::mutex session_mutex_;  // guards that it is replaced
  std::unique_ptr<HttpSession> session_;
  Transfer::Source source_;
  int bad_ = 0;  // generation of a source that was of no use

  ByteRange range_;      // to be fetched
  uint64_t at_ = 0;      // what comes next
  uint64_t end_ = 0;     // of the answer at hand
  uint64_t marked_ = 0;  // the beginning of the first block that is not complete yet
  bool begun_ = false;   // the current response is the requested range
  bool has_whole_ = false;
  uint64_t best_ = 0;  // bytes of the whole that came in one go
  int whole_tries_ = 0;
  std::stop_callback<std::function<void()>> stopping_;
};

}  // namespace

void download(const Download& what, PartialFile& partial, HubApi& api, Servers& servers,
              const Patience& patience, const DownloadOptions& options, const BackOff::Notify& notify,
              const std::function<void(uint64_t bytes)>& received) {
  const uint64_t missing = partial.size() - partial.present();
  if (missing == 0) return;
  const uint64_t block = options.partial.block;
  const auto connections = static_cast<uint64_t>(options.connections);
  const uint64_t share = (missing + connections - 1) / connections;
  const uint64_t most = std::min(options.most_of_a_range, (share + block - 1) / block * block);
  Transfer transfer(what, partial, api, servers, patience, options, notify, received);
  {
    std::vector<std::jthread> threads;
    for (uint64_t i = 1; i < std::min(connections, (missing + most - 1) / most); ++i)
      threads.emplace_back([&] { Worker(transfer).run(most); });
    Worker(transfer).run(most);
  }
  try {
    partial.flush();
  } catch (const Error&) {
    transfer.rethrow();  // the first mistake counts
    throw;
  }
  transfer.rethrow();
}

}  // namespace ferrum::hub
