#include "hub/cache.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/ascii.h"
#include "base/error.h"
#include "base/log.h"
#include "hub/file_lock.h"
#include "hub/small_file.h"

namespace ferrum::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRepoPrefix = "models--";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

fs::path expanded(const std::string& path, const Environment& environment) {
  if (path != "~" && !path.starts_with("~/")) return path;
  const auto home = environment("HOME");
  return home ? fs::path(*home + path.substr(1)) : fs::path(path);
}

std::optional<std::string> set_variable(const Environment& environment, const char* name) {
  auto value = environment(name);
  if (value && value->empty()) value.reset();
  return value;
}

// Compares blobs: the same model in two snapshots counts once.
std::set<std::pair<std::string, std::string>> contents_of(const Offer& offer) {
  std::set<std::pair<std::string, std::string>> contents;
  for (const RepoFile& file : offer.files) contents.emplace(file.name, file.hash);
  return contents;
}

std::time_t modified(const fs::path& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? found.st_mtim.tv_sec : 0;
}

// The blob's name if `link` is a link to a blob of this repository, otherwise empty.
std::string blob_of(const fs::path& link) {
  std::error_code error;
  const fs::path target = fs::read_symlink(link, error);
  return error || target.parent_path().filename() != "blobs" ? "" : target.filename().string();
}

void remove_file(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) fail(ErrorCode::kIo, "{}: cannot be removed: {}", in_quotes(path.string()), error.message());
}

void remove_empty_folders(fs::path folder, const fs::path& last) {
  std::error_code error;
  for (; folder != last && fs::is_empty(folder, error) && !error; folder = folder.parent_path())
    fs::remove(folder, error);
}

}  // namespace

fs::path hub_home(const Environment& environment) {
  if (const auto home = set_variable(environment, "HF_HOME")) return expanded(*home, environment);
  if (const auto caches = set_variable(environment, "XDG_CACHE_HOME"))
    return fs::path(*caches) / "huggingface";
  if (const auto home = set_variable(environment, "HOME")) return fs::path(*home) / ".cache" / "huggingface";
  fail(ErrorCode::kBadArgument, "there is no home folder for models: set HF_HOME to a folder");
}

fs::path cache_folder(const Environment& environment) {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
    if (const auto folder = set_variable(environment, name)) return expanded(*folder, environment);
  return hub_home(environment) / "hub";
}

fs::path Cache::repo_folder(const std::string& repo) const {
  return folder_ / (std::string(kRepoPrefix) + replaced(repo, "/", "--"));
}

fs::path Cache::lock_folder(const std::string& repo) const {
  return folder_ / ".locks" / repo_folder(repo).filename();
}

std::optional<std::string> Cache::commit_of(const std::string& repo, const std::string& revision) const {
  if (is_commit(revision)) return revision;
  try {
    const std::string text = text_of_file(repo_folder(repo) / "refs" / revision).value_or("");
    const std::string_view commit = trimmed(text);
    return is_commit(commit) ? std::optional(std::string(commit)) : std::nullopt;
  } catch (const Error& e) {  // of this model alone
    log::warn("{}", e.what());
    return std::nullopt;
  }
}

std::vector<Cache::Snapshot> Cache::snapshots_of(const std::string& repo,
                                                 const std::string& first_revision) const {
  std::vector<Snapshot> snapshots;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(repo_folder(repo) / "snapshots", error)) {
    if (!entry.is_directory(error)) continue;
    Snapshot& snapshot = snapshots.emplace_back();
    snapshot.folder = entry.path();
    snapshot.commit = entry.path().filename().string();
    snapshot.modified = modified(entry.path());
    std::error_code walk;
    for (fs::recursive_directory_iterator at(entry.path(), walk), end; !walk && at != end;
         at.increment(walk)) {
      std::error_code missing;
      if (!fs::is_regular_file(at->path(), missing)) continue;  // a folder or a dangling link
      const uint64_t bytes = fs::file_size(at->path(), missing);
      if (!missing)
        snapshot.files.push_back(
            {at->path().lexically_relative(entry.path()).generic_string(), bytes, blob_of(at->path())});
    }
    snapshot.offers = offers_of(snapshot.files);
  }
  const std::optional<std::string> first = commit_of(repo, first_revision);
  std::sort(snapshots.begin(), snapshots.end(), [&](const Snapshot& a, const Snapshot& b) {
    const auto rank = [&](const Snapshot& s) { return std::tuple(s.commit != first, -s.modified, s.commit); };
    return rank(a) < rank(b);
  });
  return snapshots;
}

CachedModel Cache::model_of(const std::string& repo, const std::string& revision, const Snapshot& snapshot,
                            const Offer& offer) const {
  const std::string at = revision == kDefaultRevision ? "" : "@" + revision;
  CachedModel model = {.name = repo + at + suffix_of(snapshot.offers, offer),
                       .parts = {},
                       .offer = offer,
                       .commit = snapshot.commit,
                       .folder = snapshot.folder,
                       .path = snapshot.folder};
  model.parts = {.repo = repo, .revision = revision, .type = {}, .file = {}};
  if (offer.kind == Offer::Kind::kGguf) {
    model.path /= offer.files.front().name;
    model.parts.file = offer.files.front().name;
  }
  for (const RepoFile& file : offer.files)
    model.modified = std::max(model.modified, modified(snapshot.folder / file.name));
  return model;
}

std::vector<CachedModel> Cache::models() const {
  std::vector<CachedModel> models;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const std::string folder = entry.path().filename().string();
    if (!folder.starts_with(kRepoPrefix)) continue;
    const std::string repo = replaced(folder.substr(kRepoPrefix.size()), "--", "/");
    if (!is_repo(repo)) continue;
    std::set<std::set<std::pair<std::string, std::string>>> seen;
    std::set<std::string> names;
    for (const Snapshot& snapshot : snapshots_of(repo, std::string(kDefaultRevision)))
      for (const Offer& offer : snapshot.offers) {
        if (!seen.insert(contents_of(offer)).second) continue;
        CachedModel model = model_of(repo, std::string(kDefaultRevision), snapshot, offer);
        if (!names.insert(model.name).second) model = model_of(repo, snapshot.commit, snapshot, offer);
        models.push_back(std::move(model));
      }
  }
  std::sort(models.begin(), models.end(),
            [](const CachedModel& a, const CachedModel& b) { return a.name < b.name; });
  return models;
}

std::optional<CachedModel> Cache::find(const ModelName& name) const {
  const bool any_revision = name.revision == kDefaultRevision;
  const std::optional<std::string> commit = commit_of(name.repo, name.revision);
  if (!any_revision && !commit) return std::nullopt;
  for (const Snapshot& snapshot : snapshots_of(name.repo, name.revision)) {
    if (!any_revision && snapshot.commit != commit) continue;
    if (const Offer* const offer = pick(snapshot.offers, name))
      return model_of(name.repo, name.revision, snapshot, *offer);
  }
  return std::nullopt;
}

Cache::Removal Cache::remove(const CachedModel& model) const {
  const fs::path repo = repo_folder(model.parts.repo);
  const auto contents = contents_of(model.offer);
  std::vector<FileLock> locks;
  for (const RepoFile& file : model.offer.files)
    if (!file.hash.empty() && fs::exists(lock_folder(model.parts.repo)))
      locks.push_back(
          FileLock::now_or_never(lock_folder(model.parts.repo) / (file.hash + ".lock"), model.name));

  std::set<std::string> needed;
  bool is_last = true;
  for (const Snapshot& snapshot : snapshots_of(model.parts.repo, model.parts.revision)) {
    const bool has_it = std::any_of(snapshot.offers.begin(), snapshot.offers.end(),
                                    [&](const Offer& offer) { return contents_of(offer) == contents; });
    for (const RepoFile& file : snapshot.files) {
      const fs::path path = snapshot.folder / file.name;
      if (has_it && contents.contains({file.name, file.hash})) {
        remove_file(path);
        remove_empty_folders(path.parent_path(), repo / "snapshots");
      } else {
        needed.insert(file.hash);
        is_last = false;
      }
    }
  }
  Removal removal;
  for (const RepoFile& file : model.offer.files) {
    if (!file.hash.empty() && needed.contains(file.hash)) {
      removal.kept += file.bytes;
      continue;
    }
    if (!file.hash.empty()) remove_file(repo / "blobs" / file.hash);
    removal.bytes += file.bytes;
  }
  if (is_last) {  // including the remains of interrupted pulls
    std::error_code error;
    fs::remove_all(repo, error);
    fs::remove_all(lock_folder(model.parts.repo), error);
  }
  return removal;
}

}  // namespace ferrum::hub
