// Runs a fuzz target over mutations of the files of the folders named on the command line, where
// libFuzzer is not linked in:
//
//   NAME SEED COUNT FOLDER...
//
// The same seed, count and files are the same inputs. They run in a child process; one that ends it
// is written to found-SEED-NUMBER, for the replay.

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data,
                                               std::size_t size,
                                               std::size_t most,
                                               unsigned seed);
extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* first,
                                                 std::size_t first_size,
                                                 const std::uint8_t* second,
                                                 std::size_t second_size,
                                                 std::uint8_t* out,
                                                 std::size_t most,
                                                 unsigned seed);
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kRoom = 4'096;  // that an input may grow by

std::mt19937 byte_random;  // LLVMFuzzerMutate is given no seed

std::size_t below(std::mt19937& random, std::size_t count) {
  return std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
}

std::vector<Bytes> read_folders(int count, char** folders) {
  std::vector<std::filesystem::path> files;
  for (int i = 0; i < count; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folders[i])) {
      if (entry.is_regular_file()) {
        files.push_back(entry.path());
      }
    }
  }
  std::ranges::sort(
      files, {}, &std::filesystem::path::filename);  // as a folder lists them: no order
  std::vector<Bytes> inputs;
  for (const auto& file : files) {
    std::vector<char> bytes(std::filesystem::file_size(file));
    std::ifstream(file, std::ios::binary)
        .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    inputs.emplace_back(bytes.begin(), bytes.end());
  }
  return inputs;
}

// One file, changed one to four times, half of the changes by something of another file.
Bytes mutation(const std::vector<Bytes>& files, unsigned seed, std::uint32_t number) {
  std::seed_seq words{std::uint32_t{seed}, number};
  std::mt19937 random(words);
  byte_random.seed(static_cast<unsigned>(random()));
  Bytes bytes = files[below(random, files.size())];
  for (std::size_t changes = 1 + below(random, 4); changes > 0; --changes) {
    const Bytes& other = files[below(random, files.size())];
    const std::size_t size = bytes.size();
    Bytes changed(size + kRoom);
    std::size_t made = 0;
    if (below(random, 2) == 0) {
      made = LLVMFuzzerCustomCrossOver(bytes.data(),
                                       size,
                                       other.data(),
                                       other.size(),
                                       changed.data(),
                                       changed.size(),
                                       static_cast<unsigned>(random()));
    }
    if (made == 0) {
      std::ranges::copy(bytes, changed.begin());
      made = LLVMFuzzerCustomMutator(
          changed.data(), size, changed.size(), static_cast<unsigned>(random()));
    }
    changed.resize(made);
    bytes = std::move(changed);
  }
  return bytes;
}

std::string keep(const Bytes& input, unsigned seed, std::uint32_t number) {
  const std::string name = "found-" + std::to_string(seed) + "-" + std::to_string(number);
  std::ofstream out(name, std::ios::binary);
  for (const std::uint8_t byte : input) {
    out.put(static_cast<char>(byte));
  }
  return std::filesystem::absolute(name).string();
}

bool number_of(std::string_view text, std::uint32_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

// A byte that is changed, put in or taken out.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most) {
  const std::size_t at = size == 0 ? 0 : below(byte_random, size);
  const auto byte = static_cast<std::uint8_t>(byte_random());
  switch (below(byte_random, 3)) {
    case 0:
      if (size < most) {
        std::memmove(data + at + 1, data + at, size - at);
        data[at] = byte;
        return size + 1;
      }
      return size;
    case 1:
      if (size > 1) {
        std::memmove(data + at, data + at + 1, size - at - 1);
        return size - 1;
      }
      return size;
    default:
      if (size > 0) {
        data[at] = byte;
      }
      return size;
  }
}

int main(int argc, char** argv) {
  std::uint32_t seed = 0;
  std::uint32_t count = 0;
  if (argc < 4 || !number_of(argv[1], seed) || !number_of(argv[2], count)) {
    static_cast<void>(std::fprintf(stderr, "usage: %s SEED COUNT FOLDER...\n", argv[0]));
    return 2;
  }
  const std::vector<Bytes> files = read_folders(argc - 3, argv + 3);
  if (files.empty()) {
    static_cast<void>(std::fprintf(stderr, "no file to start from\n"));
    return 2;
  }
  void* shared = ::mmap(
      nullptr, sizeof(std::uint32_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    return 2;
  }
  auto* running = new (shared) std::uint32_t(0);
  const pid_t child = ::fork();
  if (child == 0) {
    for (; *running < count; ++*running) {
      const Bytes input = mutation(files, seed, *running);
      LLVMFuzzerTestOneInput(input.data(), input.size());
    }
    return 0;  // past the leak check of a sanitized build
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) {
    return 2;
  }
  if (status == 0) {
    static_cast<void>(
        std::printf("seed %u: %u mutations of %zu files went well\n", seed, count, files.size()));
    return 0;
  }
  const std::uint32_t bad = *running;
  if (bad >= count) {
    static_cast<void>(std::fprintf(stderr, "seed %u: all ran, and their process failed\n", seed));
    return 1;
  }
  const std::string kept = keep(mutation(files, seed, bad), seed, bad);
  static_cast<void>(
      std::fprintf(stderr, "seed %u: mutation %u fails: %s\n", seed, bad, kept.c_str()));
  return 1;
}
