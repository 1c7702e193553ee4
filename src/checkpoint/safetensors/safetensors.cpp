#include "checkpoint/safetensors/safetensors.h"

#include <fmt/format.h>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/byte_cursor.h"
#include "base/check.h"
#include "base/error.h"
#include "base/json.h"
#include "checkpoint/file_kind.h"

namespace ferrum {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's
constexpr JsonLimits kHeaderLimits = {.max_bytes = kMaxHeaderBytes, .max_depth = 4};
constexpr size_t kMaxDimensions = 16;

}  // namespace

// Reads one file's header and gives every tensor its bytes.
class SafetensorsReader {
 public:
  SafetensorsReader(std::span<const std::byte> bytes, std::string source, SafetensorsFile& file)
      : bytes_(bytes), source_(file.source_ = std::move(source)), file_(file) {}

  void read() {
    const std::string_view header = read_header();
    const Json json = parse_json(header, source_, kHeaderLimits);
    for (const auto& [key, value] : json.items()) {
      if (key == "__metadata__") {
        read_metadata(value);
      } else {
        read_entry(key, value);
      }
    }
    check_places();
  }

 private:
  struct Placed {
    uint64_t begin, end;
    size_t entry;
  };

  std::string_view read_header() {
    if (bytes_.size() < 10)
      fail(ErrorCode::kBadFile, "{}: {} bytes are too few for a safetensors file{}", source_, bytes_.size(),
           bytes_.empty() ? "" : "; it looks like " + looks_like(bytes_));
    ByteCursor in(bytes_, source_);
    const auto size = in.read<uint64_t>("header size");
    if (size > in.remaining() || size > kMaxHeaderBytes || bytes_[8] != std::byte{'{'}) fail_header(size);
    const auto header = in.take(size, "header");
    data_ = bytes_.subspan(in.position());
    return {reinterpret_cast<const char*>(header.data()), header.size()};
  }

  // Either another kind of file, or a header that cannot be.
  [[noreturn]] void fail_header(uint64_t size) const {
    if (bytes_[8] != std::byte{'{'})
      fail(ErrorCode::kBadFile, "{}: not a safetensors file; it looks like {}", source_, looks_like(bytes_));
    if (size > kMaxHeaderBytes)
      fail(ErrorCode::kBadFile, "{}: the header is said to have {} bytes; {} are allowed", source_, size,
           kMaxHeaderBytes);
    fail(ErrorCode::kBadFile, "{}: truncated: the header is said to have {} bytes, but only {} follow",
         source_, size, bytes_.size() - 8);
  }

  void read_metadata(const Json& json) {
    if (!json.is_object()) fail(ErrorCode::kBadFile, "{}: __metadata__ is no object", source_);
    for (const auto& [key, value] : json.items()) {
      if (!value.is_string())
        fail(ErrorCode::kBadFile, "{}: __metadata__'s {} should be a string but is {}", source_,
             in_quotes(key), value.type_name());
      file_.metadata_.emplace_back(key, value.get<std::string>());
    }
  }

  void read_entry(const std::string& name, const Json& json) {
    if (!json.is_object()) fail_field(name, "its entry", "an object", json);
    SafetensorsEntry entry;
    entry.name = name;
    entry.type = read_type(name, json);
    entry.shape = read_shape(name, json);
    const Placed place = read_place(entry, json);
    entry.bytes = data_.subspan(place.begin, place.end - place.begin);
    placed_.push_back(place);
    file_.entries_.push_back(std::move(entry));
  }

  const SafetensorsType* read_type(const std::string& name, const Json& json) const {
    const Json& dtype = field(name, json, "dtype");
    if (!dtype.is_string()) fail_field(name, "dtype", "a string", dtype);
    const auto& text = dtype.get_ref<const std::string&>();
    const SafetensorsType* type = safetensors_type_named(text);
    if (type == nullptr)
      fail(ErrorCode::kBadFile, "{}: tensor {} has the unknown dtype {}", source_, in_quotes(name),
           in_quotes(text));
    if (type->bits < 8)
      fail(ErrorCode::kUnsupported, "{}: tensor {} has dtype {}, which Ferrum does not read", source_,
           in_quotes(name), type->name);
    return type;
  }

  std::vector<int64_t> read_shape(const std::string& name, const Json& json) const {
    const Json& shape = field(name, json, "shape");
    if (!shape.is_array()) fail_field(name, "shape", "an array", shape);
    if (shape.size() > kMaxDimensions)
      fail(ErrorCode::kBadFile, "{}: tensor {} has {} dimensions; {} are allowed", source_, in_quotes(name),
           shape.size(), kMaxDimensions);
    std::vector<int64_t> out;
    constexpr uint64_t kMaxElements = uint64_t{1} << 56;  // so that their bits can be counted in 64 bits
    uint64_t elements = 1;
    for (const Json& size : shape) {
      if (!size.is_number_unsigned()) fail_field(name, "shape", "an array of sizes", shape);
      const auto n = size.get<uint64_t>();
      if (n > kMaxElements || (elements != 0 && n > kMaxElements / elements))
        fail(ErrorCode::kBadFile, "{}: tensor {} has more elements than 64 bits count; a dimension is {}",
             source_, in_quotes(name), n);
      elements *= n;
      out.push_back(static_cast<int64_t>(n));
    }
    return out;
  }

  Placed read_place(const SafetensorsEntry& entry, const Json& json) const {
    const Json& offsets = field(entry.name, json, "data_offsets");
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
        !offsets[1].is_number_unsigned())
      fail_field(entry.name, "data_offsets", "an array of two offsets", offsets);
    const auto begin = offsets[0].get<uint64_t>();
    const auto end = offsets[1].get<uint64_t>();
    if (begin > end)
      fail(ErrorCode::kBadFile, "{}: tensor {} begins at {}, after its end at {}", source_,
           in_quotes(entry.name), begin, end);
    const uint64_t needed =
        static_cast<uint64_t>(entry.elements()) * static_cast<uint64_t>(entry.type->bits) / 8;
    if (end - begin != needed)
      fail(ErrorCode::kBadFile,
           "{}: tensor {} of {} and shape [{}] needs {} bytes, but its data_offsets span {}", source_,
           in_quotes(entry.name), entry.type->name, fmt::join(entry.shape, ", "), needed, end - begin);
    if (end > data_.size())
      fail(ErrorCode::kBadFile, "{}: truncated: tensor {} ends at byte {} of the data, but only {} are there",
           source_, in_quotes(entry.name), end, data_.size());
    return {begin, end, file_.entries_.size()};
  }

  // The data is the tensors, end to end.
  void check_places() {
    std::sort(placed_.begin(), placed_.end(), [](const Placed& a, const Placed& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
    });
    uint64_t end = 0;
    for (const Placed& p : placed_) {
      if (p.begin != end)
        fail(ErrorCode::kBadFile, "{}: tensor {} begins at {}, but the one before it ends at {}: {}", source_,
             in_quotes(file_.entries_[p.entry].name), p.begin, end, p.begin > end ? "a gap" : "they overlap");
      end = p.end;
    }
    if (end != data_.size())
      fail(ErrorCode::kBadFile, "{}: {} bytes of data, of which {} belong to no tensor", source_,
           data_.size(), data_.size() - end);
  }

  const Json& field(const std::string& name, const Json& json, const char* key) const {
    const auto it = json.find(key);
    if (it == json.end()) fail(ErrorCode::kBadFile, "{}: tensor {} has no {}", source_, in_quotes(name), key);
    return *it;
  }

  [[noreturn]] void fail_field(const std::string& name, std::string_view what, std::string_view expected,
                               const Json& found) const {
    fail(ErrorCode::kBadFile, "{}: tensor {}: {} should be {} but is {}", source_, in_quotes(name), what,
         expected, in_quotes(found.dump()));
  }

  std::span<const std::byte> bytes_;
  std::span<const std::byte> data_;
  const std::string& source_;
  SafetensorsFile& file_;
  std::vector<Placed> placed_;
};

int64_t SafetensorsEntry::elements() const {
  int64_t n = 1;
  for (const int64_t d : shape) n *= d;
  return n;
}

std::unique_ptr<SafetensorsFile> SafetensorsFile::parse(std::span<const std::byte> bytes,
                                                        std::string source) {
  std::unique_ptr<SafetensorsFile> file(new SafetensorsFile);
  SafetensorsReader(bytes, std::move(source), *file).read();
  return file;
}

std::unique_ptr<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  auto mapped = MappedFile::open(path);
  auto file = parse(mapped->bytes(), path.string());
  file->file_ = std::move(mapped);
  return file;
}

const MappedFile& SafetensorsFile::file() const {
  check(file_ != nullptr, "a safetensors file that was opened, not parsed from memory");
  return *file_;
}

void SafetensorsFile::release(std::span<const std::byte> part) const {
  if (file_ != nullptr) file_->release(part);
}

const SafetensorsEntry* SafetensorsFile::find(std::string_view name) const {
  const auto it = std::lower_bound(entries_.begin(), entries_.end(), name,
                                   [](const SafetensorsEntry& e, std::string_view n) { return e.name < n; });
  return it != entries_.end() && it->name == name ? &*it : nullptr;
}

const SafetensorsEntry& SafetensorsFile::at(std::string_view name) const {
  const SafetensorsEntry* entry = find(name);
  if (entry == nullptr) fail(ErrorCode::kNotFound, "{}: no tensor {}", source_, in_quotes(name));
  return *entry;
}

HostTensor SafetensorsFile::tensor(std::string_view name) const { return tensor(at(name)); }

HostTensor SafetensorsFile::tensor(const SafetensorsEntry& entry) const {
  if (!entry.type->format)
    fail(ErrorCode::kUnsupported, "{}: tensor {} is of dtype {}; F32, F16 and BF16 are read", source_,
         in_quotes(entry.name), entry.type->name);
  return {entry.name, *entry.type->format, entry.shape, entry.bytes};
}

std::vector<int64_t> SafetensorsFile::integers(std::string_view name) const {
  const SafetensorsEntry& entry = at(name);
  const bool wide = entry.type->name == "I64";
  if (!wide && entry.type->name != "I32")
    fail(ErrorCode::kUnsupported, "{}: tensor {} is of dtype {}, but I64 or I32 is needed", source_,
         in_quotes(entry.name), entry.type->name);
  std::vector<int64_t> out;
  out.reserve(static_cast<size_t>(entry.elements()));
  ByteCursor in(entry.bytes, source_);
  while (in.remaining() > 0) out.push_back(wide ? in.read<int64_t>(name) : in.read<int32_t>(name));
  return out;
}

}  // namespace ferrum
