// The adapters without a gateway: answers requests from stdin on stdout, one after the other, as a
// server whose only model is `add`. clients_test.py puts HTTP in front of it.
//
// Request:  METHOD PATH HEADERS BODY\n   (the last two as counts), header lines "name: value\n",
// body Answer:   STATUS HEADERS BODY\n, header lines, body

#include <cstdio>
#include <cstring>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "gateway/protocol/adapters.h"
#include "gateway/protocol/control_replies.h"
#include "tests/protocol/exchange.h"
#include "tests/protocol/transcript.h"

namespace sluice::gateway {
namespace {

// sum = a + b
std::vector<NamedTensor> add(const InferRequest& request) {
  const NamedTensor* a = &request.inputs.at(0);
  const NamedTensor* b = &request.inputs.at(1);
  MutableBuffer sum(a->data.size());
  for (std::size_t at = 0; at < a->data.size(); at += sizeof(float)) {
    float x = 0;
    float y = 0;
    std::memcpy(&x, a->data.data() + at, sizeof x);
    std::memcpy(&y, b->data.data() + at, sizeof y);
    x += y;
    std::memcpy(sum.data() + at, &x, sizeof x);
  }
  return {{"sum", DataType::float32, a->shape, std::move(sum).freeze()}};
}

// A line of stdin without its end.
std::string read_line() {
  std::string line;
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) {
    line += static_cast<char>(c);
  }
  return line;
}

void write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
    throw std::runtime_error("cannot write");
  }
}

// The words of "METHOD PATH HEADERS BODY".
std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<std::string>(in), {}};
}

void write_reply(const ClientReply& reply) {
  std::size_t size = 0;
  for (const Buffer& part : reply.body) {
    size += part.size();
  }
  write(std::to_string(reply.status) + " " + std::to_string(reply.headers.size() + 1) + " " +
        std::to_string(size) + "\nContent-Type: " + std::string(reply.content_type) + "\n");
  for (const auto& [name, value] : reply.headers) {
    write(name + ": " + value + "\n");
  }
  for (const Buffer& part : reply.body) {
    write(part.text());
  }
  static_cast<void>(std::fflush(stdout));
}

bool answer_one(const RouteOptions& options) {
  const std::vector<std::string> words = words_of(read_line());
  if (words.size() != 4) {
    return false;
  }
  std::vector<std::string> lines(std::stoul(words[2]));
  std::vector<HeaderField> headers;
  for (std::string& line : lines) {
    line = read_line();
    const std::string_view view = line;
    const std::size_t colon = view.find(": ");
    headers.push_back({view.substr(0, colon), view.substr(colon + 2)});
  }
  MutableBuffer body(std::stoul(words[3]));
  if (std::fread(body.data(), 1, body.size(), stdin) != body.size()) {
    return false;
  }
  const std::string_view path = words[1];
  const ClientMessage message{.method = words[0],
                              .path = path.substr(0, path.find('?')),
                              .query = "",
                              .headers = headers,
                              .body = std::move(body).freeze()};
  write_reply(exchange(message, options, add).reply);
  return true;
}

}  // namespace
}  // namespace sluice::gateway

int main(int argc, char** argv) {
  sluice::gateway::RouteOptions options;
  options.graphpipe_model = argc > 1 ? argv[1] : "";
  while (sluice::gateway::answer_one(options)) {
  }
  return 0;
}
