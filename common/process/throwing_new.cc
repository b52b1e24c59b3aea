// `new` for executables with mimalloc. Debian builds mimalloc as C, and there its own `new` ends
// the process when memory is short; the standard wants std::bad_alloc, and ours is caught where a
// request or a model can be refused. Compiled into the executable (third::malloc), it stands before
// that of every library. `delete` and the forms that do not throw stay mimalloc's: they fit malloc.

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

void* have(std::size_t size) {
  void* const memory = std::malloc(size);  // of no bytes: not null in mimalloc
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

void* have_aligned(std::size_t size, std::align_val_t alignment) {
  void* memory = nullptr;
  if (::posix_memalign(&memory, static_cast<std::size_t>(alignment), size) != 0 ||
      memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

}  // namespace

void* operator new(std::size_t size) {
  return have(size);
}
void* operator new[](std::size_t size) {
  return have(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return have_aligned(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return have_aligned(size, alignment);
}
