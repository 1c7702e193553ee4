#include "checkpoint/writers/row_pipeline.h"

#include <algorithm>
#include <future>
#include <thread>
#include <vector>

namespace ferrum {
namespace {

constexpr uint64_t kPieceBytes = uint64_t{4} << 20;

struct Piece {
  size_t tensor = 0;
  int64_t first_row = 0;
  uint64_t bytes = 0;
};

// Cuts the tensors into pieces of whole rows, in the order of the file.
class Cutter {
 public:
  explicit Cutter(const std::vector<RowsToWrite>& tensors) : tensors_(tensors) {}

  bool next(Piece& piece) {
    while (tensor_ < tensors_.size() && (tensors_[tensor_].rows == 0 || tensors_[tensor_].row_bytes == 0))
      ++tensor_;
    if (tensor_ == tensors_.size()) return false;
    const auto [rows, row] = tensors_[tensor_];
    const auto count =
        std::min<int64_t>(rows - row_, std::max<int64_t>(1, static_cast<int64_t>(kPieceBytes / row)));
    piece = {tensor_, row_, static_cast<uint64_t>(count) * row};
    row_ += count;
    if (row_ == rows) {
      ++tensor_;
      row_ = 0;
    }
    return true;
  }

 private:
  const std::vector<RowsToWrite>& tensors_;
  size_t tensor_ = 0;
  int64_t row_ = 0;
};

// As many pieces as there are threads, being made.
class Batch {
 public:
  ~Batch() { wait(); }

  void start(Cutter& cutter, int pieces, const MakeRows& make) {
    buffers_.resize(static_cast<size_t>(pieces));
    for (std::vector<std::byte>& buffer : buffers_) {
      Piece piece;
      if (!cutter.next(piece)) break;
      buffer.resize(piece.bytes);
      // Where no more threads can be made, the piece is made when it is waited for (fault B69).
      made_.push_back(std::async(std::launch::async | std::launch::deferred,
                                 [&make, &buffer, piece] { make(piece.tensor, piece.first_row, buffer); }));
    }
  }

  bool empty() const { return made_.empty(); }

  // In order. Throws what making a piece threw.
  void write(FunctionRef<void(std::span<const std::byte>)> append) {
    for (size_t i = 0; i < made_.size(); ++i) {
      made_[i].get();
      append(buffers_[i]);
    }
    made_.clear();
  }

 private:
  void wait() {
    for (std::future<void>& made : made_)
      if (made.valid()) made.wait();
  }

  std::vector<std::vector<std::byte>> buffers_;
  std::vector<std::future<void>> made_;
};

}  // namespace

void write_rows(const std::vector<RowsToWrite>& tensors, FunctionRef<void(std::span<const std::byte>)> append,
                const MakeRows& make, const RowPipelineOptions& options) {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const int threads = options.threads > 0 ? options.threads : cores;
  uint64_t total = 0, written = 0;
  for (const RowsToWrite& tensor : tensors) total += static_cast<uint64_t>(tensor.rows) * tensor.row_bytes;

  Cutter cutter(tensors);
  Batch batches[2];  // one is made while the other is written
  batches[0].start(cutter, threads, make);
  for (int current = 0; !batches[current].empty(); current = 1 - current) {
    batches[1 - current].start(cutter, threads, make);
    batches[current].write([&](std::span<const std::byte> bytes) {
      append(bytes);
      written += bytes.size();
    });
    if (options.progress) options.progress(written, total);
  }
}

void write_rows(GgufWriter& writer, const GgufHeader& header, const MakeRows& make,
                const RowPipelineOptions& options) {
  std::vector<RowsToWrite> tensors;
  for (const GgufHeader::Tensor& tensor : header.tensors()) {
    const uint64_t row = row_bytes(tensor.format, static_cast<size_t>(tensor.shape.back()));
    tensors.push_back({static_cast<int64_t>(tensor.bytes() / row), row});
  }
  write_rows(
      tensors, [&](std::span<const std::byte> bytes) { writer.append(bytes); }, make, options);
}

}  // namespace ferrum
