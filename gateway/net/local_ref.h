// LocalRef: shared ownership within one loop's thread, with a plain counter. For state that an
// owner and an operation under way both refer to; whoever is last frees it.

#pragma once

#include <utility>

namespace sluice::gateway {

// Base of what LocalRef points to.
struct LocalRefCount {
  int refs = 0;
};

template <class T>
class LocalRef {
 public:
  LocalRef() = default;
  explicit LocalRef(T* target) noexcept : target_(target) { hold(); }
  LocalRef(const LocalRef& other) noexcept : target_(other.target_) { hold(); }
  LocalRef(LocalRef&& other) noexcept : target_(std::exchange(other.target_, nullptr)) {}
  LocalRef& operator=(const LocalRef& other) noexcept {
    LocalRef held(other);
    std::swap(target_, held.target_);
    return *this;
  }
  LocalRef& operator=(LocalRef&& other) noexcept {
    LocalRef held(std::move(other));
    std::swap(target_, held.target_);
    return *this;
  }
  ~LocalRef() {
    if (target_ != nullptr && --target_->refs == 0) {
      delete target_;
    }
  }

  T* operator->() const noexcept { return target_; }
  T& operator*() const noexcept { return *target_; }
  explicit operator bool() const noexcept { return target_ != nullptr; }

 private:
  void hold() noexcept {
    if (target_ != nullptr) {
      ++target_->refs;
    }
  }
  T* target_ = nullptr;
};

}  // namespace sluice::gateway
