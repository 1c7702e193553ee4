// A hub on this machine, with a separate server for the contents of large files, that has the faults a test
// chooses: it hangs up, stalls, truncates, lies, refuses.
#pragma once
#include <fmt/format.h>
#include <openssl/evp.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/scripted_server.h"

namespace ferrum::test {

inline std::string hex_digest(const EVP_MD* kind, std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, kind, nullptr);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}
inline std::string sha256(std::string_view bytes) { return hex_digest(EVP_sha256(), bytes); }
inline std::string git_sha1(std::string_view bytes) {
  return hex_digest(EVP_sha1(),
                    "blob " + std::to_string(bytes.size()) + std::string(1, '\0') + std::string(bytes));
}

// The same bytes for the same seed, of any size.
inline std::string noise(size_t size, uint64_t seed) {
  std::string bytes(size, '\0');
  uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  for (size_t i = 0; i < size; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    bytes[i] = static_cast<char>(state >> 56);
  }
  return bytes;
}

class FakeHub {
 public:
  struct File {
    std::string name;
    std::string bytes;
    enum class Kind { kSmall, kLarge } kind = Kind::kLarge;  // large ones lie with the other server
    std::string hash() const {
      if (known_hash.empty()) known_hash = kind == Kind::kLarge ? sha256(bytes) : git_sha1(bytes);
      return known_hash;
    }
    mutable std::string known_hash = {};
  };

  enum class Fault {
    kNone,
    kHangUp,         // without an answer
    kCut,            // in the middle of the body
    kStall,          // in the middle of the body, for as long as the client has patience
    kIgnoreRange,    // 200, and all of the file
    kNoSuchRange,    // 416
    kOtherPart,      // not the requested one
    kOtherContents,  // of another hash, and an ETag that says so
    kFlipBit,        // and says nothing
    kLogin,          // 200 and a page in HTML
    kUnauthorized,   // 401
    kForbidden,      // 403
    kGone,           // 404
    kTooMany,        // 429 with Retry-After
    kBroken,         // 503
    kOtherSize,      // in Content-Range
    kTooMuch,        // more bytes than said
  };

  enum class Place { kRevision, kTree, kHead, kBytes };
  struct Request {
    Place place;
    std::string file;  // of kHead and kBytes
    int number = 0;    // of requests there, from 0
    std::string head;
    std::optional<uint64_t> begin, end;  // of the range, `end` not included
  };
  using Behave = std::function<Fault(const Request&)>;

  explicit FakeHub(std::vector<File> files, Behave behave = {}, std::string repo = "org/model")
      : repo_(std::move(repo)),
        files_(std::move(files)),
        behave_(std::move(behave)),
        git_hashes_(hash_all()),
        cdn_([this](const auto& client, const auto& seen) { serve_bytes(client, seen); }),
        hub_([this](const auto& client, const auto& seen) { serve(client, seen); }) {}

  const std::string& url() const { return hub_.url(); }
  std::string commit() const { return commit_; }
  std::vector<ScriptedServer::Seen> hub_saw() const { return hub_.seen(); }
  std::vector<ScriptedServer::Seen> cdn_saw() const { return cdn_.seen(); }
  uint64_t bytes_sent() const { return sent_; }
  void set_page_size(size_t files) { page_ = files; }
  void require_token(std::string token) { token_ = std::move(token); }
  void set_retry_after(int seconds) { retry_after_ = seconds; }
  // Bytes that go out at a time, and what is called after each.
  void set_piece(size_t bytes, std::function<void()> on_piece = {}) {
    piece_ = bytes;
    on_piece_ = std::move(on_piece);
  }

 private:
  using Client = ScriptedServer::Client;
  using Seen = ScriptedServer::Seen;

  static std::string target_of(const Seen& seen) {
    const size_t begin = seen.head.find(' ') + 1;
    return seen.head.substr(begin, seen.head.find(' ', begin) - begin);
  }
  static std::string field_of(const Seen& seen, const std::string& name) {
    const size_t at = seen.head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const size_t begin = at + name.size() + 4;
    return seen.head.substr(begin, seen.head.find("\r\n", begin) - begin);
  }
  static std::string unescaped(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i)
      if (text[i] == '%') {
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
      } else {
        out += text[i];
      }
    return out;
  }
  static std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20)
        out += fmt::format("\\u{:04x}", byte);
      else if (c == '"' || c == '\\')
        out += std::string("\\") + c;
      else
        out += c;
    }
    return out + "\"";
  }

  // All that threads will ask for, before there are any.
  std::vector<std::string> hash_all() const {
    std::vector<std::string> hashes;
    for (const File& file : files_) {
      hashes.push_back(git_sha1(file.bytes));
      file.hash();
    }
    return hashes;
  }

  const File* find(const std::string& name) const {
    for (const File& file : files_)
      if (file.name == name) return &file;
    return nullptr;
  }

  Fault fault_of(Request& request) {
    const std::lock_guard lock(mutex_);
    request.number = counts_[{request.place, request.file}]++;
    return behave_ ? behave_(request) : Fault::kNone;
  }

  static std::string answer(int status, const std::string& fields, std::string_view body) {
    return fmt::format("HTTP/1.1 {} -\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), fields, body);
  }

  // What is no matter of bytes. True if that was the answer.
  bool refuse(const Client& client, Fault fault) const {
    constexpr std::string_view kPage = "<html><body>Please log in to the network</body></html>";
    switch (fault) {
      case Fault::kHangUp:
        client.hang_up();
        return true;
      case Fault::kLogin:
        client.send(answer(200, "Content-Type: text/html\r\n", kPage));
        return true;
      case Fault::kUnauthorized:
        client.send(answer(401, "X-Error-Message: Invalid credentials\r\n", "no"));
        return true;
      case Fault::kForbidden:
        client.send(answer(403, "X-Error-Code: GatedRepo\r\n", "no"));
        return true;
      case Fault::kGone:
        client.send(answer(404, "X-Error-Code: RepoNotFound\r\n", "no"));
        return true;
      case Fault::kTooMany:
        client.send(answer(429, fmt::format("Retry-After: {}\r\n", retry_after_), "slow down"));
        return true;
      case Fault::kBroken:
        client.send(answer(503, fmt::format("Retry-After: {}\r\n", retry_after_), ""));
        return true;
      case Fault::kNoSuchRange:
        client.send(answer(416, "Content-Range: bytes */7\r\n", ""));
        return true;
      default:
        return false;
    }
  }

  void serve(const Client& client, const Seen& seen) {
    const std::string target = target_of(seen);
    const std::string api = "/api/models/" + repo_;
    if (!token_.empty() && field_of(seen, "Authorization") != "Bearer " + token_)
      return client.send(answer(401, "", "who are you?"));
    if (target.starts_with(api + "/revision/")) {
      Request request = {.place = Place::kRevision, .file = {}, .head = seen.head};
      if (refuse(client, fault_of(request))) return;
      return client.send(answer(200, "Content-Type: application/json\r\n", R"({"sha":")" + commit_ + "\"}"));
    }
    if (target.starts_with(api + "/tree/" + commit_)) {
      Request request = {.place = Place::kTree, .file = {}, .head = seen.head};
      if (refuse(client, fault_of(request))) return;
      return serve_tree(client, target);
    }
    const std::string resolve = "/" + repo_ + "/resolve/" + commit_ + "/";
    if (target.starts_with(resolve)) {
      const File* const file = find(unescaped(target.substr(resolve.size())));
      if (!file) return client.send(answer(404, "X-Error-Code: EntryNotFound\r\n", ""));
      if (seen.head.starts_with("HEAD")) return serve_head(client, *file, seen);
      return send_bytes(client, *file, seen);
    }
    client.send(answer(404, "X-Error-Code: RepoNotFound\r\n", ""));
  }

  void serve_tree(const Client& client, const std::string& target) const {
    const size_t cursor = target.find("cursor=");
    const size_t begin = cursor == std::string::npos ? 0 : std::stoul(target.substr(cursor + 7));
    const size_t end = std::min(files_.size(), begin + page_);
    std::string list = R"([{"type":"directory","oid":"x","size":0,"path":"sub"})";
    for (size_t i = begin; i < end; ++i) {
      const File& file = files_[i];
      list += fmt::format(R"(,{{"type":"file","oid":"{}","size":{},"path":{})", git_hashes_[i],
                          file.bytes.size(), json_text(file.name));
      if (file.kind == File::Kind::kLarge)
        list += fmt::format(R"(,"lfs":{{"oid":"{}","size":{},"pointerSize":134}})", file.hash(),
                            file.bytes.size());
      list += "}";
    }
    const std::string next =
        end == files_.size()
            ? ""
            : fmt::format(
                  "Link: <https://elsewhere.example.com/api/models/{}/tree/{}?recursive=true&cursor={}>; "
                  "rel=\"next\"\r\n",
                  repo_, commit_, end);
    client.send(answer(200, "Content-Type: application/json\r\n" + next, list + "]"));
  }

  void serve_head(const Client& client, const File& file, const Seen& seen) {
    Request request = {.place = Place::kHead, .file = file.name, .head = seen.head};
    const Fault fault = fault_of(request);
    if (fault != Fault::kOtherContents && refuse(client, fault)) return;
    const std::string hash =
        fault == Fault::kOtherContents ? std::string(file.hash().size(), 'd') : file.hash();
    if (file.kind == File::Kind::kSmall)
      return client.send(
          fmt::format("HTTP/1.1 200 -\r\nContent-Length: {}\r\nETag: \"{}\"\r\nX-Repo-Commit: {}\r\n\r\n",
                      file.bytes.size(), hash, commit_));
    client.send(
        fmt::format("HTTP/1.1 302 -\r\nContent-Length: 0\r\nX-Linked-Etag: \"{}\"\r\nX-Linked-Size: {}\r\n"
                    "X-Repo-Commit: {}\r\nLocation: {}/blob/{}?sign=1\r\n\r\n",
                    hash, file.bytes.size(), commit_, cdn_.url(), file.hash()));
  }

  void serve_bytes(const Client& client, const Seen& seen) {
    const std::string target = target_of(seen);
    for (const File& file : files_)
      if (target == "/blob/" + file.hash() + "?sign=1") return send_bytes(client, file, seen);
    client.send(answer(404, "", ""));
  }

  void send_bytes(const Client& client, const File& file, const Seen& seen) {
    Request request = {.place = Place::kBytes, .file = file.name, .head = seen.head};
    const std::string range = field_of(seen, "Range");
    if (range.starts_with("bytes=")) {
      request.begin = std::stoull(range.substr(6));
      request.end = std::stoull(range.substr(range.find('-') + 1)) + 1;
    }
    const Fault fault = fault_of(request);
    if (refuse(client, fault)) return;
    const bool part = request.begin && fault != Fault::kIgnoreRange;
    uint64_t begin = part ? *request.begin : 0;
    const uint64_t end = part ? std::min<uint64_t>(*request.end, file.bytes.size()) : file.bytes.size();
    if (fault == Fault::kOtherPart && begin > 0) --begin;
    std::string bytes = file.bytes.substr(begin, end - begin);
    if (fault == Fault::kFlipBit || fault == Fault::kOtherContents)
      bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    std::string head =
        fmt::format("HTTP/1.1 {} -\r\nContent-Length: {}\r\nETag: \"{}\"\r\n", part ? 206 : 200,
                    bytes.size() + (fault == Fault::kTooMuch ? 10 : 0),
                    fault == Fault::kOtherContents ? std::string(file.hash().size(), 'd') : file.hash());
    if (part)
      head += fmt::format("Content-Range: bytes {}-{}/{}\r\n", begin, end - 1,
                          file.bytes.size() + (fault == Fault::kOtherSize ? 1 : 0));
    client.send(head + "\r\n");
    if (fault == Fault::kTooMuch) bytes += "0123456789";
    const bool stops = fault == Fault::kCut || fault == Fault::kStall;
    const std::string_view body = std::string_view(bytes).substr(0, stops ? bytes.size() / 2 : bytes.size());
    for (size_t at = 0; at < body.size(); at += piece_) {
      const std::string_view piece = body.substr(at, piece_);
      client.send(piece);
      sent_ += piece.size();
      if (on_piece_) on_piece_();
    }
    if (fault == Fault::kCut) client.hang_up();
    if (fault == Fault::kStall) client.wait_until_it_goes();
  }

  std::string repo_;
  std::vector<File> files_;
  Behave behave_;
  std::vector<std::string> git_hashes_;  // of the files
  std::string commit_ = "0123456789abcdef0123456789abcdef01234567";
  std::string token_;
  size_t page_ = 1000;
  size_t piece_ = 1 << 20;
  std::function<void()> on_piece_;
  int retry_after_ = 0;
  std::atomic<uint64_t> sent_ = 0;
  std::mutex mutex_;  // guards what follows
  std::map<std::pair<Place, std::string>, int> counts_;
  ScriptedServer cdn_;
  ScriptedServer hub_;
};

}  // namespace ferrum::test
