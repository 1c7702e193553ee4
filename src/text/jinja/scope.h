// The variables of a template: nested scopes, opened and closed as it runs.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

class Scope {
 public:
  Scope* parent() const { return parent_; }
  const Value* find(NameId name) const;  // in this scope or an enclosing one; nullptr if not found
  void set(NameId name, Value value);    // in this scope

 private:
  friend class ScopePool;
  Scope* parent_ = nullptr;
  bool kept_ = false;  // a macro defined here may still need it
  std::vector<std::pair<NameId, Value>> values_;
};

// Owns all scopes of a rendering and reuses closed ones.
class ScopePool {
 public:
  explicit ScopePool(Budget& budget) : budget_(budget) {}
  ~ScopePool();
  ScopePool(const ScopePool&) = delete;
  ScopePool& operator=(const ScopePool&) = delete;

  Scope& open(Scope* parent);
  void close(Scope& scope);
  // Keeps a scope and its enclosing scopes until the rendering ends.
  static void keep(Scope* scope);

 private:
  Budget& budget_;
  std::vector<std::unique_ptr<Scope>> all_;
  std::vector<Scope*> free_;
};

// Opens a scope and makes it the current one during its lifetime.
class OpenScope {
 public:
  OpenScope(ScopePool& pool, Scope*& current, Scope* parent)
      : pool_(pool), current_(current), before_(current) {
    scope_ = &pool.open(parent);
    current_ = scope_;
  }
  ~OpenScope() {
    current_ = before_;
    pool_.close(*scope_);
  }
  OpenScope(const OpenScope&) = delete;
  OpenScope& operator=(const OpenScope&) = delete;

  Scope& operator*() const { return *scope_; }
  Scope* operator->() const { return scope_; }

 private:
  ScopePool& pool_;
  Scope*& current_;
  Scope* before_;
  Scope* scope_;
};

}  // namespace ferrum::jinja
