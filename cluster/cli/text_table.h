// Rows of text as aligned columns, for a person at a terminal. Pure.

#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace sluice::cluster {

using TextRow = std::vector<std::string>;

// `titles` and each row have as many cells. The last column is not padded.
void append_table(std::string& out, const TextRow& titles, const std::vector<TextRow>& rows);

// The value under `key`, in one line; "-" when it is missing, null or empty. A reason may hold
// anything a library said: its control characters become spaces.
std::string cell(const nlohmann::json& row, const char* key);

// The array under `key`, or an empty one.
const nlohmann::json& list_of(const nlohmann::json& object, const char* key);

}  // namespace sluice::cluster
