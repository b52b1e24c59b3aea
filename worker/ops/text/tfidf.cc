// TfIdfVectorizer.
// Spec: https://onnx.ai/onnx/operators/onnx__TfIdfVectorizer.html (read 2026-11).
// x [C] or [N, C] of int32, int64 or strings gives float32 [size] or [N, size], size being one more
// than the largest of ngram_indexes: how often each n-gram of the pool is there (TF), its weight
// where it is (IDF), or their product (TFIDF). The items of an n-gram stand 1 to max_skip_count + 1
// places apart, all of them equally far. A pool is the 1-grams, then the 2-grams and so on;
// ngram_counts has where each begins.

#include <algorithm>
#include <map>
#include <utility>

#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

enum class Weighing : std::uint8_t { tf, idf, tfidf };

template <class Item>
using Pool = std::map<std::vector<Item>, std::size_t>;  // n-gram, its number

struct TfIdfParams {
  std::int64_t least = 1;
  std::int64_t most = 1;
  std::int64_t skips = 0;
  Weighing weighing = Weighing::tf;
  Pool<std::string> words{};
  Pool<std::int64_t> numbers{};
  std::vector<std::int64_t> places{};  // of each n-gram in the output
  std::vector<float> weights{};        // of each n-gram; empty: 1
  std::int64_t size = 0;
  bool of_words = false;
};

template <class Item>
Result<Pool<Item>> pool_of(const std::vector<Item>& items,
                           const std::vector<std::int64_t>& starts,
                           std::size_t ngrams) {
  Pool<Item> pool;
  std::size_t number = 0;
  for (std::size_t n = 1; n <= starts.size(); ++n) {
    const std::int64_t begin = starts[n - 1];
    const std::int64_t end =
        n < starts.size() ? starts[n] : static_cast<std::int64_t>(items.size());
    if (begin < 0 || end < begin || end > static_cast<std::int64_t>(items.size()) ||
        (end - begin) % static_cast<std::int64_t>(n) != 0) {
      return Error{ErrorCode::data_corrupt,
                   "ngram_counts " + to_string(starts) + " does not fit a pool of " +
                       std::to_string(items.size())};
    }
    for (std::int64_t at = begin; at < end; at += static_cast<std::int64_t>(n)) {
      pool.emplace(
          std::vector<Item>(items.begin() + at, items.begin() + at + static_cast<std::int64_t>(n)),
          number++);
    }
  }
  if (number != ngrams) {
    return Error{ErrorCode::data_corrupt,
                 "has " + std::to_string(number) + " n-grams and " + std::to_string(ngrams) +
                     " ngram_indexes"};
  }
  return pool;
}

Result<TfIdfParams> parse_tfidf(const Node& node) {
  Attributes attributes(node);
  TfIdfParams params;
  SLUICE_TRY_ASSIGN(params.least, attributes.integer("min_gram_length", 0));
  SLUICE_TRY_ASSIGN(params.most, attributes.integer("max_gram_length", 0));
  SLUICE_TRY_ASSIGN(params.skips, attributes.integer("max_skip_count", 0));
  SLUICE_TRY_ASSIGN(const std::string mode, attributes.text("mode", ""));
  SLUICE_TRY_ASSIGN(const auto starts, attributes.integers("ngram_counts"));
  SLUICE_TRY_ASSIGN(params.places, attributes.integers("ngram_indexes"));
  SLUICE_TRY_ASSIGN(params.weights, attributes.reals("weights"));
  SLUICE_TRY_ASSIGN(const auto words, attributes.texts("pool_strings"));
  SLUICE_TRY_ASSIGN(const auto numbers, attributes.integers("pool_int64s"));
  SLUICE_TRY(attributes.finish());
  constexpr const char* kModes[] = {"TF", "IDF", "TFIDF"};
  const auto* const found = std::ranges::find(kModes, mode);
  constexpr std::int64_t kMost = 1 << 30;
  const auto impossible = [](std::int64_t place) { return place < 0 || place >= kMost; };
  if (found == std::end(kModes) || params.least < 1 || params.most < params.least ||
      params.skips < 0 || params.skips > kMost || params.most > kMost || params.places.empty() ||
      std::ranges::any_of(params.places, impossible) ||
      (!params.weights.empty() && params.weights.size() != params.places.size()) ||
      (words.empty() == numbers.empty())) {
    return Error{ErrorCode::data_corrupt,
                 "mode '" + mode + "', gram lengths " + std::to_string(params.least) + " to " +
                     std::to_string(params.most) + ", max_skip_count " +
                     std::to_string(params.skips) + ", " + std::to_string(params.places.size()) +
                     " ngram_indexes, " + std::to_string(params.weights.size()) +
                     " weights, pools of " + std::to_string(words.size()) + " strings and " +
                     std::to_string(numbers.size()) + " integers do not fit"};
  }
  params.weighing = static_cast<Weighing>(found - std::begin(kModes));
  params.of_words = !words.empty();
  params.size = *std::ranges::max_element(params.places) + 1;
  if (params.of_words) {
    SLUICE_TRY_ASSIGN(params.words, pool_of(words, starts, params.places.size()));
  } else {
    SLUICE_TRY_ASSIGN(params.numbers, pool_of(numbers, starts, params.places.size()));
  }
  return params;
}

Result<OutputFacts> infer_tfidf(const TfIdfParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const bool fits = params.of_words
                        ? x.datatype == DataType::string
                        : x.datatype == DataType::int32 || x.datatype == DataType::int64;
  if (!fits) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.empty() || x.dims.size() > 2) {
    return bad_input("input " + to_string(x.dims) + " is neither [C] nor [N,C]");
  }
  Shape dims(x.dims.begin(), x.dims.end());
  dims.back() = params.size;
  return one_output(DataType::float32, std::move(dims));
}

template <class Item>
void count_row(const TfIdfParams& params,
               const Pool<Item>& pool,
               std::span<const Item> row,
               std::span<float> to) {
  const auto width = static_cast<std::int64_t>(row.size());
  std::vector<Item> gram;
  for (std::int64_t n = params.least; n <= std::min(params.most, width); ++n) {
    for (std::int64_t apart = 1; apart <= (n == 1 ? 1 : params.skips + 1); ++apart) {
      if ((n - 1) * apart >= width) {
        break;
      }
      for (std::int64_t start = 0; start + (n - 1) * apart < width; ++start) {
        gram.clear();
        for (std::int64_t i = 0; i < n; ++i) {
          gram.push_back(row[static_cast<std::size_t>(start + i * apart)]);
        }
        if (const auto found = pool.find(gram); found != pool.end()) {
          const float weight = params.weights.empty() ? 1.0F : params.weights[found->second];
          float& at = to[static_cast<std::size_t>(params.places[found->second])];
          at = params.weighing == Weighing::idf
                   ? weight
                   : at + (params.weighing == Weighing::tf ? 1.0F : weight);
        }
      }
    }
  }
}

Result<void> run_tfidf(const TfIdfParams& params, KernelContext& context) {
  const TensorView& x = context.input(0);
  const auto y = context.output(0).mut<float>();
  std::ranges::fill(y, 0.0F);
  const auto width = static_cast<std::size_t>(x.dims.back());
  const auto size = static_cast<std::size_t>(params.size);
  std::vector<std::int64_t> numbers;
  if (!params.of_words) {
    SLUICE_TRY_ASSIGN(numbers, integers_of(x));
  }
  for (std::size_t row = 0; width > 0 && row < y.size() / size; ++row) {
    const auto to = y.subspan(row * size, size);
    if (params.of_words) {
      count_row<std::string>(
          params, params.words, x.as<std::string>().subspan(row * width, width), to);
    } else {
      count_row<std::int64_t>(params,
                              params.numbers,
                              std::span(std::as_const(numbers)).subspan(row * width, width),
                              to);
    }
  }
  return {};
}

}  // namespace

void register_text_tfidf(Registry& registry) {
  registry.add({.name = "TfIdfVectorizer",
                .since = {9},
                .kernel = kernel<parse_tfidf, infer_tfidf, run_tfidf>()});
}

}  // namespace sluice::engine
