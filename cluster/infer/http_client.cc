#include "cluster/infer/http_client.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include <curl/curl.h>

#include "common/base/check.h"
#include "common/base/limits.h"

namespace sluice::cluster {

namespace {

constexpr long kConnectMs = 5'000;
constexpr long kSilentSeconds = 60;  // of a stream; a server beats four times as often

struct Received {
  std::string body;
  std::optional<std::size_t> json_size;
  bool too_large = false;
};

struct FreeList {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

std::size_t take_body(char* data, std::size_t, std::size_t size, void* context) {
  Received& received = *static_cast<Received*>(context);
  received.too_large = size > limits::kHttpBodyBytes - received.body.size();
  if (received.too_large) {
    return 0;  // libcurl ends the transfer
  }
  received.body.append(data, size);
  return size;
}

std::size_t take_header(char* data, std::size_t, std::size_t size, void* context) {
  constexpr std::string_view kName = "inference-header-content-length:";
  const std::string_view line(data, size);
  if (line.size() <= kName.size() || curl_strnequal(line.data(), kName.data(), kName.size()) == 0) {
    return size;
  }
  std::string_view value = line.substr(kName.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  std::size_t number = 0;
  if (std::from_chars(value.data(), value.data() + value.size(), number).ec == std::errc()) {
    static_cast<Received*>(context)->json_size = number;
  }
  return size;
}

struct Followed {
  CURL* handle = nullptr;
  const std::function<bool(std::string_view)>* on_bytes = nullptr;
  Received refused{};
  bool enough = false;
};

std::size_t take_part(char* data, std::size_t one, std::size_t size, void* context) {
  Followed& followed = *static_cast<Followed*>(context);
  long status = 0;
  curl_easy_getinfo(followed.handle, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) {
    return take_body(data, one, size, &followed.refused);
  }
  followed.enough = !(*followed.on_bytes)(std::string_view(data, size));
  return followed.enough ? 0 : size;
}

template <class Value>
void set(CURL* handle, CURLoption option, Value value) {
  // Refused only for an option this libcurl was built without, which would be our mistake.
  SLUICE_CHECK(curl_easy_setopt(handle, option, value) == CURLE_OK);
}

Error failure(CURLcode code, const std::string& base, Duration timeout) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
      return Error{ErrorCode::unavailable,
                   "nobody answers at " + base + " (is `sluice serve` running?)"};
    case CURLE_OPERATION_TIMEDOUT: {
      const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
      return Error{ErrorCode::deadline_exceeded,
                   base + " did not answer within " + std::to_string(ms) + " ms"};
    }
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Error{ErrorCode::invalid_argument, "'" + base + "' is not http://HOST:PORT"};
    default:
      return Error{ErrorCode::unavailable, base + ": " + curl_easy_strerror(code)};
  }
}

}  // namespace

void HttpClient::Close::operator()(void* handle) const noexcept {
  curl_easy_cleanup(handle);
}

Result<HttpClient> HttpClient::open(std::string base, Duration timeout) {
  HttpClient client;
  client.handle_.reset(curl_easy_init());
  if (client.handle_ == nullptr) {
    return Error{ErrorCode::internal, "libcurl cannot be initialised"};
  }
  while (base.ends_with('/')) {
    base.pop_back();
  }
  client.base_ = std::move(base);
  client.timeout_ = timeout;
  return client;
}

void HttpClient::prepare(const std::string& path) {
  CURL* handle = handle_.get();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout_).count();
  set(handle, CURLOPT_URL, (base_ + path).c_str());
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_PROXY, "");
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(ms));
  set(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
}

Result<HttpAnswer> HttpClient::perform(const std::string& path) {
  CURL* handle = handle_.get();
  Received received;
  prepare(path);
  set(handle, CURLOPT_WRITEFUNCTION, take_body);
  set(handle, CURLOPT_WRITEDATA, &received);
  set(handle, CURLOPT_HEADERFUNCTION, take_header);
  set(handle, CURLOPT_HEADERDATA, &received);
  if (const CURLcode code = curl_easy_perform(handle); code != CURLE_OK) {
    if (received.too_large) {
      return Error{ErrorCode::resource_exhausted, "the answer is larger than an answer may be"};
    }
    return failure(code, base_, timeout_);
  }
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  return HttpAnswer{
      static_cast<int>(status), Buffer::from_string(std::move(received.body)), received.json_size};
}

Result<HttpAnswer> HttpClient::get(const std::string& path) {
  set(handle_.get(), CURLOPT_HTTPGET, 1L);
  return perform(path);
}

Result<HttpAnswer> HttpClient::follow(const std::string& path,
                                      const std::function<bool(std::string_view)>& on_bytes) {
  CURL* handle = handle_.get();
  Followed followed{.handle = handle, .on_bytes = &on_bytes};
  set(handle, CURLOPT_HTTPGET, 1L);
  prepare(path);
  set(handle, CURLOPT_TIMEOUT_MS, 0L);
  set(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(handle, CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
  set(handle, CURLOPT_HEADERFUNCTION, static_cast<curl_write_callback>(nullptr));
  set(handle, CURLOPT_WRITEFUNCTION, take_part);
  set(handle, CURLOPT_WRITEDATA, &followed);
  const CURLcode code = curl_easy_perform(handle);
  set(handle, CURLOPT_LOW_SPEED_TIME, 0L);
  if (code != CURLE_OK && !followed.enough) {
    return code == CURLE_OPERATION_TIMEDOUT
               ? Error{ErrorCode::unavailable, base_ + " has fallen silent"}
               : failure(code, base_, timeout_);
  }
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  return HttpAnswer{
      static_cast<int>(status), Buffer::from_string(std::move(followed.refused.body)), {}};
}

Result<HttpAnswer> HttpClient::post(const std::string& path,
                                    const std::string& body,
                                    std::size_t json_size) {
  const std::string headers[] = {
      "Content-Type: application/octet-stream",
      "Inference-Header-Content-Length: " + std::to_string(json_size),
  };
  return post_with(path, body, headers);
}

Result<HttpAnswer> HttpClient::post_json(const std::string& path, const std::string& body) {
  const std::string headers[] = {"Content-Type: application/json"};
  return post_with(path, body, headers);
}

Result<HttpAnswer> HttpClient::post_with(const std::string& path,
                                         const std::string& body,
                                         std::span<const std::string> headers) {
  CURL* handle = handle_.get();
  // No Expect: our own server needs no asking before a large body.
  HeaderList list(curl_slist_append(nullptr, "Expect:"));
  for (const std::string& line : headers) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    SLUICE_CHECK(longer != nullptr);
    static_cast<void>(list.release());
    list.reset(longer);
  }
  set(handle, CURLOPT_POST, 1L);
  set(handle, CURLOPT_POSTFIELDS, body.data());
  set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  set(handle, CURLOPT_HTTPHEADER, list.get());
  Result<HttpAnswer> answer = perform(path);
  set(handle, CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
  return answer;
}

}  // namespace sluice::cluster
