#include "common/metrics/prometheus.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/limits.h"
#include "common/base/overloaded.h"

namespace sluice::metrics {

namespace {

std::string_view name_of(Kind kind) noexcept {
  switch (kind) {
    case Kind::counter:
      return "counter";
    case Kind::gauge:
      return "gauge";
    case Kind::histogram:
      return "histogram";
  }
  return "untyped";
}

template <class Number>
void append_number(std::string& text, Number number) {
  std::array<char, 32> digits{};
  text.append(digits.data(),
              std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

// Length of the UTF-8 character at the front of `text` (RFC 3629), 0 when there is none.
std::size_t utf8_length(std::string_view text) noexcept {
  const auto at = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&at](std::size_t i) { return (at(i) & 0xc0U) == 0x80U; };
  const unsigned first = at(0);
  if (first < 0x80) {
    return 1;
  }
  if (first >= 0xc2 && first <= 0xdf) {
    return follows(1) ? 2 : 0;
  }
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && at(1) < 0xa0;
    const bool surrogate = first == 0xed && at(1) > 0x9f;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && at(1) < 0x90;
    const bool beyond = first == 0xf4 && at(1) > 0x8f;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

// `,_a="1",_b="2"`
std::string tags_text(const std::map<std::string, std::string>& tags) {
  std::string text;
  for (const auto& [key, value] : tags) {
    if (is_tag_key(key)) {
      text.append(",_").append(key).append("=\"").append(escape_label(clean_label(value))) += '"';
    }
  }
  return text;
}

// The tags' text of each model that has some.
using TagsTexts = std::map<std::string, std::string, std::less<>>;

// What stands at the end of the family's labels for the model that the first of them names.
std::string_view tags_of(const TagsTexts& texts,
                         const Family& family,
                         const std::vector<std::string>& values) {
  if (family.labels.front() != "model") {
    return {};
  }
  const auto found = texts.find(values.front());
  return found == texts.end() ? std::string_view() : found->second;
}

// `{a="1",b="2"}`, with `tags` behind them and `le` as last label unless empty; nothing when there
// are no labels.
void append_labels(std::string& text,
                   const Family& family,
                   const std::vector<std::string>& values,
                   std::string_view tags,
                   std::string_view le = {}) {
  if (values.empty() && le.empty()) {
    return;
  }
  char separator = '{';
  for (std::size_t i = 0; i < values.size(); ++i) {
    text += separator;
    text.append(family.labels[i]).append("=\"").append(escape_label(values[i])) += '"';
    separator = ',';
  }
  text += tags;
  if (!le.empty()) {
    text += separator;
    text.append("le=\"").append(le) += '"';
  }
  text += '}';
}

std::string seconds_text(double seconds) {
  std::string text;
  append_number(text, seconds);
  return text;
}

// Two bounds to each power of two are printed: 1, 2, 3, 4, 6, 8, 12, 16, 24 us and so on. Finer
// ones, which quantile() uses, would make a page of five phases and many models large.
bool is_printed(std::size_t bucket) noexcept {
  const std::uint64_t bound = bucket_bound_us(bucket);
  return std::has_single_bit(bound) || (bound % 3 == 0 && std::has_single_bit(bound / 3));
}

void append_histogram(std::string& text,
                      const Family& family,
                      const std::vector<std::string>& labels,
                      std::string_view tags,
                      const HistogramTotals& totals) {
  const auto append_bucket = [&](std::string_view le, std::uint64_t count) {
    text.append(family.name).append("_bucket");
    append_labels(text, family, labels, tags, le);
    text += ' ';
    append_number(text, count);
    text += '\n';
  };
  std::uint64_t below = 0;
  for (std::size_t i = 0; i + 1 < kBuckets; ++i) {
    below += totals.buckets[i];
    if (is_printed(i)) {
      append_bucket(seconds_text(static_cast<double>(bucket_bound_us(i)) / 1e6), below);
    }
  }
  const std::uint64_t count = below + totals.buckets[kBuckets - 1];
  append_bucket("+Inf", count);
  text.append(family.name).append("_sum");
  append_labels(text, family, labels, tags);
  text.append(" ").append(seconds_text(static_cast<double>(totals.sum_ns) / 1e9)) += '\n';
  text.append(family.name).append("_count");
  append_labels(text, family, labels, tags);
  text += ' ';
  append_number(text, count);
  text += '\n';
}

}  // namespace

std::string clean_label(std::string_view value) {
  std::string clean(value.substr(0, limits::kMetricLabelBytes));
  if (!is_utf8(clean)) {
    for (char& c : clean) {
      c = static_cast<unsigned char>(c) < 0x80 ? c : '?';
    }
  }
  return clean;
}

std::string escape_label(std::string_view value) {
  std::string escaped;
  for (const char c : value) {
    if (c == '\n') {
      escaped += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') {
      escaped += '\\';
    }
    escaped += c;
  }
  return escaped;
}

bool is_tag_key(std::string_view key) noexcept {
  const auto fits = [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  return !key.empty() && key.front() != '_' && key.size() <= limits::kMetricTagKeyBytes &&
         std::ranges::all_of(key, fits);
}

void PrometheusWriter::add(const Series& series) {
  FamilySums& family = families_[series.family->name];
  family.family = series.family;
  Sum& sum = family.series[series.labels];
  std::visit(Overloaded{
                 [&sum](const Counter& counter) { sum.counter += counter.value(); },
                 [&sum](const Gauge& gauge) { sum.gauge += gauge.value(); },
                 [&sum](const Histogram& histogram) { histogram.add_to(sum.histogram); },
             },
             series.cell);
}

std::string PrometheusWriter::text(const ModelTags& tags) const {
  TagsTexts texts;
  for (const auto& [model, each] : tags) {
    texts.emplace(model, tags_text(each));
  }
  std::string text;
  for (const auto& [name, sums] : families_) {
    const Family& family = *sums.family;
    text.append("# HELP ").append(name).append(" ").append(family.help) += '\n';
    text.append("# TYPE ").append(name).append(" ").append(name_of(family.kind)) += '\n';
    for (const auto& [labels, sum] : sums.series) {
      const std::string_view of_model = tags_of(texts, family, labels);
      if (family.kind == Kind::histogram) {
        append_histogram(text, family, labels, of_model, sum.histogram);
        continue;
      }
      text += name;
      append_labels(text, family, labels, of_model);
      text += ' ';
      if (family.kind == Kind::counter) {
        append_number(text, sum.counter);
      } else {
        append_number(text, sum.gauge);
      }
      text += '\n';
    }
  }
  return text;
}

}  // namespace sluice::metrics
