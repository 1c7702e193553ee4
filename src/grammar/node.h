// Counted references to immutable nodes of lists and trees that grow at one end, which forks share.
#pragma once
#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

namespace ferrum::grammar {

class Node {
 public:
  Node() = default;
  Node(const Node& /*other*/) {}
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;

  void retain() const { references_.fetch_add(1, std::memory_order_relaxed); }
  // A list of any length is destroyed without recursion.
  void release() const {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    thread_local std::vector<const Node*> doomed;
    thread_local bool is_draining = false;
    doomed.push_back(this);
    if (is_draining) return;
    is_draining = true;
    while (!doomed.empty()) {
      const Node* node = doomed.back();
      doomed.pop_back();
      delete node;
    }
    is_draining = false;
  }

 private:
  mutable std::atomic<uint32_t> references_ = 0;
};

template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* node) : node_(node) {
    if (node_) node_->retain();
  }
  Ref(const Ref& other) : Ref(other.node_) {}
  Ref(Ref&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~Ref() {
    if (node_) node_->release();
  }

  T* get() const { return node_; }
  T* operator->() const { return node_; }
  T& operator*() const { return *node_; }
  explicit operator bool() const { return node_ != nullptr; }
  bool operator==(const Ref& other) const { return node_ == other.node_; }

 private:
  T* node_ = nullptr;
};

}  // namespace ferrum::grammar
