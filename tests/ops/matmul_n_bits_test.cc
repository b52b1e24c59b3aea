// contrib/matmul_n_bits.cc, against codes that are not packed and sums in double. It is compared
// with ONNX Runtime too (tests/conformance/ort).

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "tests/ops/rows_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

enum class Zeros : std::uint8_t { none, packed, real };
enum class Groups : std::uint8_t { none, one_each, padded };

struct Form {
  std::int64_t rows = 3;
  std::int64_t k = 40;
  std::int64_t n = 19;
  std::int64_t bits = 4;
  std::int64_t block = 16;
  Zeros zeros = Zeros::none;
  Groups groups = Groups::none;
  bool has_bias = false;
  bool half = false;  // A, scales and so on are float16
};

// The inputs of one product, and W [n, k].
struct Drawn {
  std::vector<NamedTensor> inputs;
  std::vector<float> weights;
};

// Packs numbers of `bits`, each row of them from a byte of its own.
std::vector<std::uint8_t> pack(const std::vector<int>& codes, std::int64_t row, std::int64_t bits) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const auto place = static_cast<std::int64_t>(i) % row * bits;
    if (place % 8 == 0) {
      bytes.push_back(0);
    }
    bytes.back() = static_cast<std::uint8_t>(bytes.back() | codes[i] << (place % 8));
  }
  return bytes;
}

NamedTensor left_out() {
  return {};
}

// Numbers that float16 has.
std::vector<float> small_numbers(std::mt19937& random, std::int64_t count) {
  std::vector<float> numbers(static_cast<std::size_t>(count));
  std::ranges::generate(numbers, [&] { return static_cast<float>(random() % 65) / 32 - 1; });
  return numbers;
}

Drawn draw(const Form& form) {
  std::mt19937 random(7);
  const auto [rows, k, n, bits, block, zeros, groups, has_bias, half] = form;
  const std::int64_t blocks = (k + block - 1) / block;
  const auto reals = [&](Shape shape, const std::vector<float>& values) {
    return form.half ? halves(std::move(shape), values) : floats(std::move(shape), values);
  };
  const auto codes_of = [&](std::int64_t count) {
    std::vector<int> codes(static_cast<std::size_t>(count));
    std::ranges::generate(codes, [&] { return static_cast<int>(random() % (1U << form.bits)); });
    return codes;
  };
  const std::vector<int> codes = codes_of(n * blocks * block);
  const std::vector<int> zero_codes = codes_of(n * blocks);
  const std::vector<float> scales = small_numbers(random, n * blocks);
  std::vector<float> zero_reals = small_numbers(random, n * blocks);
  std::vector<std::int32_t> group_of(
      static_cast<std::size_t>(groups == Groups::padded ? blocks * block : k));
  const auto count = static_cast<std::uint32_t>(blocks);
  std::ranges::generate(group_of, [&] { return static_cast<std::int32_t>(random() % count); });

  Drawn drawn;
  drawn.inputs = {reals({rows, k}, small_numbers(random, rows * k)),
                  uint8s({n, blocks, block * bits / 8}, pack(codes, blocks * block, bits)),
                  reals({n, blocks}, scales),
                  left_out(),
                  left_out(),
                  left_out()};
  if (zeros == Zeros::packed) {
    drawn.inputs[3] = uint8s({n, (blocks * bits + 7) / 8}, pack(zero_codes, blocks, bits));
  } else if (zeros == Zeros::real) {
    drawn.inputs[3] = reals({n, blocks}, zero_reals);
  }
  if (groups != Groups::none) {
    drawn.inputs[4] = int32s({static_cast<std::int64_t>(group_of.size())}, group_of);
  }
  if (has_bias) {
    drawn.inputs[5] = reals({n}, small_numbers(random, n));
  }
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < k; ++i) {
      const auto at = static_cast<std::size_t>(
          j * blocks +
          (groups == Groups::none ? i / block : group_of[static_cast<std::size_t>(i)]));
      const float zero = zeros == Zeros::none     ? std::exp2(static_cast<float>(bits - 1))
                         : zeros == Zeros::packed ? static_cast<float>(zero_codes[at])
                                                  : zero_reals[at];
      const auto code = static_cast<float>(codes[static_cast<std::size_t>(j * blocks * block + i)]);
      drawn.weights.push_back((code - zero) * scales[at]);
    }
  }
  return drawn;
}

NamedTensor product(const Form& form, const Drawn& drawn, bool rectified = false) {
  const auto [rows, k, n, bits, block, zeros, groups, has_bias, half] = form;
  const std::vector<float> a = floats_of(drawn.inputs[0]);
  const std::vector<float> bias =
      has_bias ? floats_of(drawn.inputs[5]) : std::vector<float>(static_cast<std::size_t>(n));
  std::vector<float> y;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = static_cast<double>(bias[static_cast<std::size_t>(j)]);
      for (std::int64_t i = 0; i < k; ++i) {
        sum += static_cast<double>(a[static_cast<std::size_t>(row * k + i)]) *
               static_cast<double>(drawn.weights[static_cast<std::size_t>(j * k + i)]);
      }
      y.push_back(static_cast<float>(rectified ? std::max(sum, 0.0) : sum));
    }
  }
  return floats({rows, n}, y);
}

std::vector<Attribute> attributes_of(const Form& form) {
  return {integer("K", form.k),
          integer("N", form.n),
          integer("bits", form.bits),
          integer("block_size", form.block),
          integer("accuracy_level", 4)};
}

// All but A are constants.
GraphCase graph_of(const Form& form, const Drawn& drawn) {
  GraphCase graph;
  std::vector<std::string> names{"a"};
  graph.input("a", drawn.inputs[0]);
  for (std::size_t i = 1; i < drawn.inputs.size(); ++i) {
    const bool given = drawn.inputs[i].datatype != DataType::undefined;
    names.push_back(given ? "input" + std::to_string(i) : "");
    if (given) {
      graph.constant(names.back(), drawn.inputs[i]);
    }
  }
  graph.domain_node("com.microsoft", 1, "MatMulNBits", names, {"y"}, attributes_of(form));
  return graph;
}

TEST(MatMulNBits, TakesEachCodeWithScaleAndZeroPointOfItsGroup) {
  const std::vector<Form> forms = {
      {},
      {.rows = 1, .k = 16, .n = 1},
      {.rows = 1, .k = 700, .n = 300, .block = 32, .zeros = Zeros::packed},
      {.rows = 2, .k = 65, .n = 130, .block = 64, .has_bias = true},
      {.rows = 200, .k = 530, .n = 70, .block = 128, .zeros = Zeros::real, .has_bias = true},
      {.k = 47, .zeros = Zeros::packed},
      {.k = 47, .zeros = Zeros::real, .groups = Groups::one_each},
      {.zeros = Zeros::packed, .groups = Groups::padded},
      {.rows = 0},
      {.bits = 8},
      {.bits = 8, .zeros = Zeros::packed, .has_bias = true},
      {.k = 33, .bits = 8, .zeros = Zeros::real, .groups = Groups::one_each},
      {.k = 150, .bits = 2, .zeros = Zeros::packed},
      {.bits = 2, .has_bias = true},
  };
  for (std::size_t i = 0; i < forms.size(); ++i) {
    const Drawn drawn = draw(forms[i]);
    const NamedTensor want = product(forms[i], drawn);
    GraphCase graph = graph_of(forms[i], drawn);
    graph.output("y");
    const double scale = 4 * std::sqrt(static_cast<double>(forms[i].k));
    EXPECT_EQ(mismatch(graph.run(), want, 2e-6, scale), "") << "form " << i;
    EXPECT_EQ(mismatch(graph.run_reference(), want, 1e-6, scale), "") << "form " << i;
    EXPECT_EQ(
        mismatch(
            run_domain_op("com.microsoft", 1, "MatMulNBits", drawn.inputs, attributes_of(forms[i])),
            want,
            1e-6,
            scale),
        "")
        << "no constants, form " << i;
  }
}

TEST(MatMulNBits, TakesFloat16) {
  Form form{.k = 32, .zeros = Zeros::real, .has_bias = true};
  const std::vector<float> want = floats_of(product(form, draw(form)));
  form.half = true;
  GraphCase graph = graph_of(form, draw(form));
  EXPECT_EQ(mismatch(graph.output("y").run(), halves({form.rows, form.n}, want), 1e-3, 1), "");
}

TEST(MatMulNBits, TakesBiasAndActivationAlong) {
  Form form;
  Drawn drawn = draw(form);
  GraphCase graph = graph_of(form, drawn);
  form.has_bias = true;
  drawn.inputs[5] = random_floats({form.n}, 3);
  graph.constant("b", drawn.inputs[5])
      .node("Add", {"b", "y"}, {"sum"})
      .node("Relu", {"sum"}, {"z"});
  graph.output("z");
  EXPECT_EQ(mismatch(graph.run(), product(form, drawn, true), 2e-6, 20), "");
  EXPECT_EQ(graph.figures().steps, 1U);
}

TEST(MatMulNBits, GivesARowTheSameWithOthers) {
  const Form many{.rows = 9, .k = 600, .n = 33, .block = 32, .zeros = Zeros::packed};
  Drawn drawn = draw(many);
  const auto together = graph_of(many, drawn).output("y").run();
  ASSERT_TRUE(together) << together.error().detail;
  const std::vector<float> a = floats_of(drawn.inputs[0]);
  const std::vector<float> all = floats_of(together->front());
  for (std::int64_t row = 0; row < many.rows; ++row) {
    const auto part = [row](const std::vector<float>& from, std::int64_t width) {
      return std::vector<float>(from.begin() + row * width, from.begin() + (row + 1) * width);
    };
    drawn.inputs[0] = floats({1, many.k}, part(a, many.k));
    const auto alone = graph_of(many, drawn).output("y").run();
    ASSERT_TRUE(alone) << alone.error().detail;
    EXPECT_EQ(floats_of(alone->front()), part(all, many.n)) << "row " << row;
  }
}

TEST(MatMulNBits, KeepsTheRowsOfABatchApart) {
  const Form form;
  const Drawn drawn = draw(form);
  GraphCase graph;
  graph.rows_input("x", random_floats({2, 5, form.k}, 1))
      .constant("b", drawn.inputs[1])
      .constant("scales", drawn.inputs[2])
      .domain_node(
          "com.microsoft", 1, "MatMulNBits", {"x", "b", "scales"}, {"y"}, attributes_of(form))
      .rows_output("y", {5, form.n});
  EXPECT_TRUE(independent(std::move(graph)));
}

TEST(MatMulNBits, IsRefusedByTheNodesNameWhenLoaded) {
  const Drawn drawn = draw({});
  const auto refused = [&](Form form, const char* text, auto change) {
    Drawn other = drawn;
    std::vector<Attribute> attributes = attributes_of(form);
    change(other, attributes);
    GraphCase graph;
    graph.input("a", other.inputs[0]);
    std::vector<std::string> names{"a"};
    for (std::size_t i = 1; i < other.inputs.size(); ++i) {
      const bool given = other.inputs[i].datatype != DataType::undefined;
      names.push_back(given ? "input" + std::to_string(i) : "");
      if (given) {
        graph.constant(names.back(), other.inputs[i]);
      }
    }
    graph.domain_node("com.microsoft", 1, "MatMulNBits", names, {"y"}, attributes).output("y");
    const auto session = graph.load();
    ASSERT_FALSE(session) << text;
    EXPECT_NE(session.error().detail.find("(com.microsoft.MatMulNBits)"), std::string::npos)
        << session.error().detail;
    EXPECT_NE(session.error().detail.find(text), std::string::npos) << session.error().detail;
  };
  const auto nothing = [](Drawn&, std::vector<Attribute>&) {};
  refused({.bits = 3}, "weights of 3 bits", nothing);
  refused({.block = 24}, "block_size 24 is not possible", nothing);
  refused({.k = 0}, "K 0, N 19", nothing);
  refused({}, "weight_prepacked", [](Drawn&, std::vector<Attribute>& attributes) {
    attributes.push_back(integer("weight_prepacked", 1));
  });
  refused({}, "attribute 'other'", [](Drawn&, std::vector<Attribute>& attributes) {
    attributes.push_back(integer("other", 1));
  });
  refused({}, "g_idx has 3 for 3 groups", [](Drawn& other, std::vector<Attribute>&) {
    std::vector<std::int32_t> groups(40);
    groups[39] = 3;
    other.inputs[4] = int32s({40}, groups);
  });
  refused({}, "g_idx [41] has not 40 elements", [](Drawn& other, std::vector<Attribute>&) {
    other.inputs[4] = int32s({41}, std::vector<std::int32_t>(41));
  });
  refused({}, "zero_points [19,3] has not 38 elements", [](Drawn& other, std::vector<Attribute>&) {
    other.inputs[3] = uint8s({19, 3}, std::vector<std::uint8_t>(57));
  });
  refused({}, "datatype float64", [](Drawn& other, std::vector<Attribute>&) {
    other.inputs[3] = doubles({19, 3}, std::vector<double>(57));
  });
}

}  // namespace
}  // namespace sluice::engine
