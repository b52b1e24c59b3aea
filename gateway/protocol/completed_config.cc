#include "gateway/protocol/completed_config.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <vector>

#include "gateway/protocol/json_reader.h"

namespace sluice::gateway {
namespace {

using namespace std::string_view_literals;

constexpr std::array kFromModel = {
    "platform"sv, "backend"sv, "max_batch_size"sv, "input"sv, "output"sv, "instance_group"sv};

// Of a JSON object, in its order: each member's name and its value as it is written.
struct Members {
  std::map<std::string, std::string_view, std::less<>> values;
  std::vector<std::string> order;
};

std::optional<Members> members_of(std::string_view text) {
  JsonReader reader(text);
  Members members;
  std::string_view key;
  if (text.empty() || !reader.open_object()) {
    return std::nullopt;
  }
  while (reader.next_member(key)) {
    const std::string name(key);
    static_cast<void>(reader.peek());  // past the white space
    const std::size_t begin = reader.position();
    if (!reader.skip_value()) {
      break;
    }
    if (members.values.emplace(name, text.substr(begin, reader.position() - begin)).second) {
      members.order.push_back(name);
    }
  }
  if (reader.failed() || !reader.finish()) {
    return std::nullopt;
  }
  return members;
}

bool is_plain(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); });
}

}  // namespace

std::string completed_config(std::string_view config, std::string_view of_worker) {
  auto known = members_of(config);
  const auto told = members_of(of_worker);
  if (!told) {
    return std::string(known ? config : "");
  }
  if (!known) {
    return std::string(of_worker);
  }
  for (const std::string_view name : kFromModel) {
    const auto value = told->values.find(name);
    if (value == told->values.end()) {
      continue;
    }
    const auto [at, fresh] = known->values.insert_or_assign(std::string(name), value->second);
    if (fresh) {
      known->order.emplace_back(name);
    }
  }
  std::string text = "{";
  for (const std::string& name : known->order) {
    if (is_plain(name)) {  // as all fields of the schema are
      text += (text.size() == 1 ? "\"" : ",\"") + name +
              "\":" + std::string(known->values.find(name)->second);
    }
  }
  return text + "}";
}

}  // namespace sluice::gateway
