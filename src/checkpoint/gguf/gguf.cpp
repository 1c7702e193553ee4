#include "checkpoint/gguf/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/byte_cursor.h"
#include "base/check.h"
#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/file_kind.h"
#include "checkpoint/gguf/ggml_type.h"

namespace ferrum {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr uint32_t kSwappedMagic = 0x47475546;
constexpr size_t kMinBytesOfPair = 8 + 1 + 4 + 1;  // key length, key, type, value
constexpr size_t kMinBytesOfTensor =
    8 + 1 + 4 + 8 + 4 + 8;  // name length, name, dimensions, one of them, type, offset
constexpr size_t kMaxArrayElements = size_t{1} << 24;  // in one file; the largest vocabularies have 3 × 2^18
constexpr size_t kMaxKeyBytes = 65535;                 // by the specification
constexpr uint64_t kMaxAlignment = uint64_t{1} << 20;
constexpr int kMaxDimensions = 4;
constexpr uint32_t kDefaultAlignment = 32;

constexpr size_t bytes_of(GgufType type) {  // of an element; of a string, at least
  switch (type) {
    case GgufType::kUint8:
    case GgufType::kInt8:
    case GgufType::kBool:
      return 1;
    case GgufType::kUint16:
    case GgufType::kInt16:
      return 2;
    case GgufType::kUint32:
    case GgufType::kInt32:
    case GgufType::kFloat32:
      return 4;
    default:
      return 8;
  }
}

uint64_t aligned(uint64_t position, uint64_t alignment) {
  return (position + alignment - 1) / alignment * alignment;
}

std::string shape_text(std::span<const int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace

// Reads one file front to back.
class GgufParser {
 public:
  GgufParser(std::span<const std::byte> bytes, std::string source, GgufFile& file)
      : bytes_(bytes),
        source_(file.metadata_.source_ = std::move(source)),
        in_(bytes, source_),
        file_(file) {}

  void read() {
    read_version();
    const uint64_t tensors = in_.read_count("number of tensors", kMinBytesOfTensor);
    const uint64_t pairs = in_.read_count("number of metadata keys", kMinBytesOfPair);
    read_metadata(pairs);
    read_alignment();
    read_tensors(tensors);
  }

 private:
  struct Placed {
    uint64_t offset;
    uint64_t bytes;
    size_t tensor;
  };

  void read_version() {
    if (bytes_.size() < 24)
      fail(ErrorCode::kBadFile, "{}: {} bytes are too few for a GGUF file, whose header alone has 24{}",
           source_, bytes_.size(), bytes_.empty() ? "" : "; it looks like " + looks_like(bytes_));
    const auto magic = in_.read<uint32_t>("magic number");
    if (magic == kSwappedMagic) fail_byte_order();
    if (magic != kMagic)
      fail(ErrorCode::kBadFile, "{}: not a GGUF file; it looks like {}", source_, looks_like(bytes_));
    const auto version = in_.read<uint32_t>("version");
    if ((version & 0xFFFF) == 0) fail_byte_order();
    if (version != 2 && version != 3)
      fail(ErrorCode::kUnsupported, "{}: GGUF version {}; versions 2 and 3 are read", source_, version);
    file_.version_ = static_cast<int>(version);
  }

  [[noreturn]] void fail_byte_order() {
    fail(ErrorCode::kUnsupported, "{}: a big-endian GGUF file; only little-endian ones are read", source_);
  }

  void read_metadata(uint64_t count) {
    GgufMetadata& metadata = file_.metadata_;
    for (uint64_t i = 0; i < count; ++i) {
      const std::string_view key = read_name(fmt::format("metadata key {}", i));
      if (key.size() > kMaxKeyBytes)
        fail(ErrorCode::kBadFile, "{}: metadata key {} has {} bytes; {} are allowed", source_, i, key.size(),
             kMaxKeyBytes);
      if (!metadata.index_.emplace(key, metadata.entries_.size()).second)
        fail(ErrorCode::kBadFile, "{}: duplicate metadata key {}", source_, in_quotes(key));
      const GgufType type = read_type(key);
      metadata.entries_.emplace_back(key,
                                     type == GgufType::kArray ? read_array(key) : read_scalar(type, key));
    }
  }

  // A key or a tensor's name.
  std::string_view read_name(std::string_view what) {
    const std::string_view name = read_string(what);
    if (name.empty()) fail(ErrorCode::kBadFile, "{}: {} is empty", source_, what);
    if (!utf8::is_valid(name))
      fail(ErrorCode::kBadFile, "{}: {} is not valid UTF-8: {}", source_, what, in_quotes(name));
    return name;
  }

  std::string_view read_string(std::string_view what) {
    const auto size = in_.read<uint64_t>(what);
    const auto bytes = in_.take(size, what);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  GgufType read_type(std::string_view key) {
    const auto type = in_.read<uint32_t>("value's type");
    if (type > static_cast<uint32_t>(GgufType::kFloat64))
      fail(ErrorCode::kBadFile, "{}: key {} has a value of unknown type {}", source_, in_quotes(key), type);
    return static_cast<GgufType>(type);
  }

  GgufValue read_scalar(GgufType type, std::string_view key) {
    switch (type) {
      case GgufType::kString:
        return read_string(key);
      case GgufType::kBool:
        return read_bool(key);
      case GgufType::kUint8:
      case GgufType::kUint16:
      case GgufType::kUint32:
      case GgufType::kUint64:
        return read_unsigned(type, key);
      case GgufType::kInt8:
      case GgufType::kInt16:
      case GgufType::kInt32:
      case GgufType::kInt64:
        return read_signed(type, key);
      case GgufType::kFloat32:
      case GgufType::kFloat64:
        return read_float(type, key);
      case GgufType::kArray:
        break;
    }
    check(false, "a scalar type");
    return false;
  }

  bool read_bool(std::string_view key) {
    const auto value = in_.read<uint8_t>(key);
    if (value > 1)
      fail(ErrorCode::kBadFile, "{}: key {} has a bool that is {}", source_, in_quotes(key), value);
    return value == 1;
  }

  uint64_t read_unsigned(GgufType type, std::string_view key) {
    switch (bytes_of(type)) {
      case 1:
        return in_.read<uint8_t>(key);
      case 2:
        return in_.read<uint16_t>(key);
      case 4:
        return in_.read<uint32_t>(key);
      default:
        return in_.read<uint64_t>(key);
    }
  }

  int64_t read_signed(GgufType type, std::string_view key) {
    switch (bytes_of(type)) {
      case 1:
        return in_.read<int8_t>(key);
      case 2:
        return in_.read<int16_t>(key);
      case 4:
        return in_.read<int32_t>(key);
      default:
        return in_.read<int64_t>(key);
    }
  }

  double read_float(GgufType type, std::string_view key) {
    return type == GgufType::kFloat32 ? in_.read<float>(key) : in_.read<double>(key);
  }

  GgufArray read_array(std::string_view key) {
    GgufArray array;
    array.element = read_type(key);
    if (array.element == GgufType::kArray)
      fail(ErrorCode::kUnsupported, "{}: key {} is an array of arrays, which no key has", source_,
           in_quotes(key));
    const uint64_t count = in_.read_count(key, bytes_of(array.element));
    if (count > kMaxArrayElements - array_elements_)
      fail(ErrorCode::kBadFile, "{}: the metadata's arrays, up to {}, have more than {} elements", source_,
           in_quotes(key), kMaxArrayElements);
    array_elements_ += count;
    const auto fill = [&](auto values, auto read_one) {
      values.reserve(count);
      for (uint64_t i = 0; i < count; ++i) values.push_back(read_one());
      array.values = std::move(values);
    };
    switch (array.element) {
      case GgufType::kString:
        fill(std::vector<std::string_view>(), [&] { return read_string(key); });
        break;
      case GgufType::kBool:
        fill(std::vector<uint64_t>(), [&] { return uint64_t{read_bool(key)}; });
        break;
      case GgufType::kFloat32:
      case GgufType::kFloat64:
        fill(std::vector<double>(), [&] { return read_float(array.element, key); });
        break;
      case GgufType::kInt8:
      case GgufType::kInt16:
      case GgufType::kInt32:
      case GgufType::kInt64:
        fill(std::vector<int64_t>(), [&] { return read_signed(array.element, key); });
        break;
      default:
        fill(std::vector<uint64_t>(), [&] { return read_unsigned(array.element, key); });
        break;
    }
    return array;
  }

  void read_alignment() {
    const uint64_t alignment =
        file_.metadata_.unsigned_integer("general.alignment").value_or(uint64_t{kDefaultAlignment});
    if (!std::has_single_bit(alignment) || alignment > kMaxAlignment)
      fail(ErrorCode::kBadFile, "{}: general.alignment is {}, which is no power of two up to {}", source_,
           alignment, kMaxAlignment);
    file_.alignment_ = alignment;
  }

  void read_tensors(uint64_t count) {
    std::vector<Placed> placed;
    std::unordered_map<std::string_view, size_t> names;
    file_.tensors_.reserve(count);
    placed.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      const std::string_view name = read_name(fmt::format("name of tensor {}", i));
      if (!names.emplace(name, i).second)
        fail(ErrorCode::kBadFile, "{}: duplicate tensor {}", source_, in_quotes(name));
      HostTensor tensor;
      tensor.name = name;
      tensor.shape = read_shape(name);
      placed.push_back(read_place(tensor, i));
      file_.tensors_.push_back(std::move(tensor));
    }
    if (!placed.empty()) place(std::move(placed));
  }

  // The file has the fastest dimension first.
  std::vector<int64_t> read_shape(std::string_view name) {
    const auto dimensions = in_.read<uint32_t>("tensor's number of dimensions");
    if (dimensions < 1 || dimensions > kMaxDimensions)
      fail(ErrorCode::kBadFile, "{}: tensor {} has {} dimensions; 1 to {} are allowed", source_,
           in_quotes(name), dimensions, kMaxDimensions);
    std::vector<int64_t> shape(dimensions);
    constexpr uint64_t kMaxElements = uint64_t{1} << 56;  // so that their bytes can be counted in 64 bits
    uint64_t elements = 1;
    for (uint32_t d = 0; d < dimensions; ++d) {
      const auto size = in_.read<uint64_t>("tensor's dimension");
      if (size == 0)
        fail(ErrorCode::kBadFile, "{}: dimension {} of tensor {} is 0", source_, d, in_quotes(name));
      if (size > kMaxElements / elements)
        fail(ErrorCode::kBadFile, "{}: tensor {} has more elements than 64 bits count; dimension {} is {}",
             source_, in_quotes(name), d, size);
      elements *= size;
      shape[dimensions - 1 - d] = static_cast<int64_t>(size);
    }
    return shape;
  }

  // Type and offset; sets the tensor's format.
  Placed read_place(HostTensor& tensor, size_t index) {
    const auto id = in_.read<uint32_t>("tensor's type");
    const auto format = format_of_ggml_type(id);
    if (!format)
      fail(ErrorCode::kUnsupported, "{}: tensor {} is of type {} (number {}), which Ferrum does not read",
           source_, in_quotes(tensor.name), ggml_type_name(id), id);
    tensor.format = *format;
    const FormatTraits& t = traits(*format);
    if (tensor.cols() % t.block_values != 0)
      fail(ErrorCode::kBadFile,
           "{}: tensor {} of shape {} has rows that are no multiple of {}'s blocks of {}", source_,
           in_quotes(tensor.name), shape_text(tensor.shape), t.name, t.block_values);
    const auto offset = in_.read<uint64_t>("tensor's offset");
    if (offset % file_.alignment_ != 0)
      fail(ErrorCode::kBadFile, "{}: tensor {} lies at offset {}, which is no multiple of the alignment {}",
           source_, in_quotes(tensor.name), offset, file_.alignment_);
    const uint64_t blocks = static_cast<uint64_t>(tensor.elements()) / t.block_values;
    return {offset, blocks * t.block_bytes, index};
  }

  // Gives the tensors their bytes, which follow the header.
  void place(std::vector<Placed> placed) {
    std::sort(placed.begin(), placed.end(),
              [](const Placed& a, const Placed& b) { return a.offset < b.offset; });
    const uint64_t begin = aligned(in_.position(), file_.alignment_);
    const uint64_t present = begin < bytes_.size() ? bytes_.size() - begin : 0;
    uint64_t end = 0;
    std::string_view previous;
    for (const Placed& p : placed) {
      HostTensor& tensor = file_.tensors_[p.tensor];
      if (p.offset < end)
        fail(ErrorCode::kBadFile, "{}: tensors {} and {} overlap at offset {}", source_, in_quotes(previous),
             in_quotes(tensor.name), p.offset);
      if (p.offset > present || p.bytes > present - p.offset)
        fail(ErrorCode::kBadFile,
             "{}: truncated: tensor {} has {} bytes at offset {} of the data, but only {} bytes of data are "
             "there",
             source_, in_quotes(tensor.name), p.bytes, p.offset, present);
      tensor.bytes = bytes_.subspan(begin + p.offset, p.bytes);
      end = p.offset + p.bytes;
      previous = tensor.name;
    }
  }

  std::span<const std::byte> bytes_;
  const std::string& source_;
  ByteCursor in_;
  GgufFile& file_;
  size_t array_elements_ = 0;
};

std::unique_ptr<GgufFile> GgufFile::parse(std::span<const std::byte> bytes, std::string source) {
  std::unique_ptr<GgufFile> file(new GgufFile);
  GgufParser(bytes, std::move(source), *file).read();
  return file;
}

std::unique_ptr<GgufFile> GgufFile::open(const std::filesystem::path& path) {
  auto mapped = MappedFile::open(path);
  auto file = parse(mapped->bytes(), path.string());
  file->file_ = std::move(mapped);
  return file;
}

const MappedFile& GgufFile::file() const {
  check(file_ != nullptr, "a GGUF file that was opened, not parsed from memory");
  return *file_;
}

}  // namespace ferrum
