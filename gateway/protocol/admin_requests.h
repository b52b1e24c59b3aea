// What operators send: the bodies of the KServe v2 repository API and of our own admin paths, as
// the AdminRequest that control answers. Pure; docs/protocols/admin.md has the forms.
//
// Read strictly: an unknown or repeated member, a wrong type or a value out of range is an error
// with the member's name and the byte it stands at, so that a misspelt option never acts as if it
// had not been given. Only the v2 bodies' own outer members are taken as that protocol says:
// unknown ones are ignored.

#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "gateway/control/admin.h"

namespace sluice::gateway {

// POST /v2/repository/index: empty, or {"ready": bool}.
Result<AdminRequest> index_request(std::string_view body);

// POST /v2/repository/models/M/load: empty, or {"parameters": {"config": "JSON"}}. Files in the
// request are `unsupported`.
Result<AdminRequest> load_request(std::string model, std::string_view body);

// POST /v2/repository/models/M/unload: empty, or {"parameters": {"unload_dependents": bool}}.
Result<AdminRequest> unload_request(std::string model, std::string_view body);

// POST /sluice/models/M/rollout: {"to": VERSION or "policy", ...}.
Result<AdminRequest> rollout_request(std::string model, std::string_view body);

// A verb: empty, or {}.
Result<AdminRequest> verb_request(std::string model, RolloutVerb verb, std::string_view body);

}  // namespace sluice::gateway
