#include "cluster/serve/curl_line.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

constexpr const char* kUrl = "http://127.0.0.1:8000";

std::string line_for(const char* inputs) {
  const auto line = curl_line(kUrl, "m", std::string(R"({"name":"m","inputs":)") + inputs + "}");
  return line ? *line : "error: " + line.error().detail;
}

TEST(CurlLine, small_inputs_are_written_out_with_one_for_free_extents) {
  EXPECT_EQ(line_for(R"([{"name":"a","datatype":"FP32","shape":[-1,4]}])"),
            R"(curl -s http://127.0.0.1:8000/v2/models/m/infer -d )"
            R"('{"inputs":[{"name":"a","shape":[1,4],"datatype":"FP32","data":[0,0,0,0]}]}')");
}

TEST(CurlLine, each_datatype_has_its_zero) {
  EXPECT_EQ(line_for(R"([{"name":"s","datatype":"BYTES","shape":[2]},)"
                     R"({"name":"b","datatype":"BOOL","shape":[]}])"),
            R"(curl -s http://127.0.0.1:8000/v2/models/m/infer -d )"
            R"('{"inputs":[{"name":"s","shape":[2],"datatype":"BYTES","data":["",""]},)"
            R"({"name":"b","shape":[],"datatype":"BOOL","data":[false]}]}')");
}

TEST(CurlLine, large_inputs_are_made_by_the_shell) {
  EXPECT_EQ(line_for(R"([{"name":"x","datatype":"FP32","shape":[1,300]}])"),
            R"({ printf %s '{"inputs":['; )"
            R"(printf %s '{"name":"x","shape":[1,300],"datatype":"FP32","data":['; )"
            R"(yes '0,' | head -n 299 | tr -d '\n'; printf %s '0]}'; )"
            R"(printf %s ']}'; } | curl -s http://127.0.0.1:8000/v2/models/m/infer -d @-)");
}

TEST(CurlLine, a_quote_in_a_name_does_not_end_the_shell_word) {
  EXPECT_NE(line_for(R"([{"name":"it's","datatype":"FP32","shape":[1]}])").find(R"("it'\''s")"),
            std::string::npos);
}

TEST(CurlLine, a_model_without_inputs_is_asked_without) {
  EXPECT_EQ(line_for("[]"),
            R"(curl -s http://127.0.0.1:8000/v2/models/m/infer -d '{"inputs":[]}')");
}

TEST(CurlLine, what_is_no_metadata_is_an_error) {
  for (const char* metadata : {"",
                               "[]",
                               "{}",
                               R"({"inputs":[1]})",
                               R"({"inputs":[{"name":"a"}]})",
                               R"({"inputs":[{"name":"a","datatype":"FP32","shape":["x"]}]})",
                               R"({"inputs":[{"name":"a","datatype":"FP32",)"
                               R"("shape":[1000000000,1000000000]}]})"}) {
    EXPECT_FALSE(curl_line(kUrl, "m", metadata)) << metadata;
  }
}

}  // namespace
}  // namespace sluice::cluster
