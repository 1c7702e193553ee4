#include "hub/pull.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "base/check.h"
#include "base/error.h"
#include "base/human_bytes.h"
#include "hub/file_lock.h"

namespace ferrum::hub {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxStarts = 2;  // of a file whose hash is wrong

// Creates folders below one that is ours, refusing to follow links to other places.
void make_real_folders(const fs::path& base, const fs::path& relative) {
  fs::path folder = base;
  for (const fs::path& part : relative) {
    folder /= part;
    if (fs::is_symlink(fs::symlink_status(folder)))
      fail(ErrorCode::kIo, "{}: is a link where a folder must be: refused", in_quotes(folder.string()));
    make_folders(folder);
  }
}

// Creates something with `make` under a temporary name and atomically renames it to `path`, replacing what is
// there. Several processes may do so concurrently.
template <class Make>
void replace(const fs::path& path, const Make& make) {
  static std::atomic<unsigned> count = 0;
  const fs::path beside = path.string() + fmt::format(".{}-{}.ferrum", ::getpid(), count++);
  ::unlink(beside.c_str());
  if (make(beside) && ::rename(beside.c_str(), path.c_str()) == 0) return;
  const int reason = errno;
  ::unlink(beside.c_str());
  fail_to_write(path, reason);
}

void replace_with_link(const fs::path& path, const fs::path& target) {
  std::error_code error;
  if (fs::read_symlink(path, error) == target && !error) return;
  replace(path, [&](const fs::path& beside) { return ::symlink(target.c_str(), beside.c_str()) == 0; });
}

void replace_with_text(const fs::path& path, const std::string& text) {
  replace(path, [&](const fs::path& beside) {
    std::ofstream out(beside, std::ios::binary);
    out << text;
    out.close();
    return out.good();
  });
}

class Pull {
 public:
  Pull(const ModelName& name, const Settings& settings, const PullOptions& options,
       const PullObserver& observer)
      : name_(name),
        settings_(settings),
        options_(options),
        observer_(observer),
        cache_(settings.cache),
        repo_(cache_.repo_folder(name.repo)),
        servers_(settings_, options_.retry_policy),
        api_(settings_, options_.retry_policy, servers_, observer.notify) {}

  CachedModel run() {
    if (settings_.offline)
      fail(ErrorCode::kBadArgument, "{}: cannot pull while HF_HUB_OFFLINE is set", to_string(name_));
    make_folders(repo_ / "blobs");  // reports an unwritable cache before any request
    make_folders(cache_.lock_folder(name_.repo));
    listing_ = api_.list(name_);
    choose();
    check_room();
    for (const RepoFile& file : files_) {
      get(file);
      link(file);
      ++progress_.number;
    }
    note_revision();
    const ModelName exact = {.repo = name_.repo,
                             .revision = listing_.commit,
                             .type = is_set_ ? std::string(kSafetensors) : "",
                             .file = is_set_ ? "" : first_};
    std::optional<CachedModel> model = cache_.find(exact);
    check(model.has_value(), "a pulled model is in the cache");
    if (std::optional<CachedModel> named = cache_.find(name_); named && named->path == model->path)
      return *std::move(named);
    return *std::move(model);
  }

 private:
  void choose() {
    const std::vector<Offer> offers = offers_of(listing_.files);
    const Offer* const offer = pick(offers, name_);
    if (!offer) explain(offers);
    is_set_ = offer->kind == Offer::Kind::kSafetensors;
    first_ = offer->files.front().name;
    files_ = offer->files;
    for (const RepoFile& file : files_) require_safe_file(file.name, name_.repo);
    // Small files first: they show at once whether the hub grants access.
    std::stable_sort(files_.begin(), files_.end(),
                     [](const RepoFile& a, const RepoFile& b) { return a.bytes < b.bytes; });
    progress_.files = static_cast<int>(files_.size());
    progress_.all_total = offer->bytes;
  }

  [[noreturn]] void explain(const std::vector<Offer>& offers) const {
    const auto pickle = std::any_of(listing_.files.begin(), listing_.files.end(), [](const RepoFile& f) {
      return f.name.ends_with(".bin") || f.name.ends_with(".pth");
    });
    if (offers.empty())
      fail(ErrorCode::kNotFound, "{} has neither a GGUF file nor config.json with safetensors{}", name_.repo,
           pickle ? ", only pickle files, which can run code when they are loaded and are never used: look "
                    "for a version in safetensors or GGUF"
                  : "");
    if (name_.type.empty() && name_.file.empty())
      fail(ErrorCode::kNotFound, "{} has several models; name one, as in {}{}: {}", name_.repo, name_.repo,
           suffix_of(offers, offers.front()), offers_text(offers));
    fail(ErrorCode::kNotFound, "{} has no {}; there is {}", name_.repo,
         name_.file.empty() ? name_.type : in_quotes(name_.file), offers_text(offers));
  }

  fs::path blob(const RepoFile& file) const { return repo_ / "blobs" / file.hash; }
  bool is_there(const RepoFile& file) const {
    std::error_code error;
    return fs::is_regular_file(fs::symlink_status(blob(file), error)) &&
           fs::file_size(blob(file), error) == file.bytes && !error;
  }

  // Fault B62: before the first byte, with both numbers.
  void check_room() const {
    uint64_t needed = 0;
    for (const RepoFile& file : files_)
      if (!is_there(file))
        needed += PartialFile::missing_bytes(blob(file), file.bytes, options_.download.partial.block);
    std::error_code error;
    const fs::space_info space = fs::space(repo_, error);
    if (!error && space.available < needed)
      fail(ErrorCode::kIo, "{} needs {} bytes ({}) in {}, but its disk has {} ({}) left", to_string(name_),
           needed, human_bytes(needed), in_quotes(cache_.folder().string()), space.available,
           human_bytes(space.available));
  }

  void get(const RepoFile& file) {
    progress_.file = file.name;
    progress_.phase = PullProgress::Phase::kDownload;
    progress_.total = file.bytes;
    const uint64_t before = progress_.all_done;
    // Waits for other processes only if there is work left to do.
    if (!is_there(file)) {
      const FileLock lock =
          FileLock::wait(cache_.lock_folder(name_.repo) / (file.hash + ".lock"), file.name, [&] {
            observer_.notify(fmt::format("{}: another process is pulling it; waiting", in_quotes(file.name)));
          });
      if (!is_there(file)) fetch(file, before);
    }
    progress_.all_done = before + file.bytes;
  }

  void fetch(const RepoFile& file, uint64_t before) {
    const auto show = [&](uint64_t done) {
      progress_.done = std::min(done, file.bytes);
      progress_.all_done = before + progress_.done;
      if (observer_.progress) observer_.progress(progress_);
    };
    for (int start = 1;; ++start) {
      PartialFile partial(blob(file), file.bytes, options_.download.partial);
      uint64_t done = partial.present();
      progress_.phase = PullProgress::Phase::kDownload;
      show(done);
      download({name_.repo, listing_.commit, file}, partial, api_, servers_, options_.retry_policy,
               options_.download, observer_.notify, [&](uint64_t bytes) { show(done += bytes); });
      progress_.phase = PullProgress::Phase::kVerify;
      if (partial.finish(show)) return;
      if (start == kMaxStarts)
        fail(ErrorCode::kIo,
             "{}: the received file does not have the hash that {} listed ({}), twice; it was discarded. The "
             "hub "
             "or a proxy in between sends different contents",
             in_quotes(file.name), settings_.endpoint.url(""), file.hash);
      observer_.notify(fmt::format(
          "{}: the received file does not have the right hash; discarding it and fetching it again",
          in_quotes(file.name)));
    }
  }

  // Creates the snapshot's entry, a relative link to the blob.
  void link(const RepoFile& file) const {
    const fs::path snapshot = fs::path("snapshots") / listing_.commit;
    const fs::path place = snapshot / file.name;
    make_real_folders(repo_, place.parent_path());
    fs::path up;
    for (size_t i = 0; i < static_cast<size_t>(std::distance(place.begin(), place.end())) - 1; ++i)
      up /= "..";
    replace_with_link(repo_ / place, up / "blobs" / file.hash);
  }

  void note_revision() const {
    if (is_commit(name_.revision)) return;
    const fs::path place = fs::path("refs") / name_.revision;
    make_real_folders(repo_, place.parent_path());
    replace_with_text(repo_ / place, listing_.commit);
  }

  const ModelName& name_;
  const Settings& settings_;
  const PullOptions& options_;
  const PullObserver& observer_;
  Cache cache_;
  fs::path repo_;
  Servers servers_;
  HubApi api_;
  Listing listing_;
  std::vector<RepoFile> files_;  // in the order of fetching
  std::string first_;            // the first of the model's files
  bool is_set_ = false;          // of safetensors
  PullProgress progress_;
};

}  // namespace

CachedModel pull(const ModelName& name, const Settings& settings, const PullOptions& options,
                 const PullObserver& observer) {
  return Pull(name, settings, options, observer).run();
}

}  // namespace ferrum::hub
